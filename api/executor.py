"""Executes a GraphQL operation, with a short way for plain values.

graphql-core builds a `GraphQLResolveInfo`, a path and an argument dictionary for every field of
every object. Most fields need none of that: they are an attribute, or a method without arguments,
of the object at hand. For each selection set this executor works out once which fields those are
and how their values are written; the rest takes the library's own way. What comes out is the same:
a test executes both over the same documents.
"""

from __future__ import annotations

from asyncio import gather
from collections.abc import Awaitable, Callable
from operator import attrgetter
from typing import Any, NamedTuple

from graphql import (
    Executor,
    GraphQLBoolean,
    GraphQLField,
    GraphQLID,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    TypeNameMetaFieldDef,
    Undefined,
    is_leaf_type,
)
from graphql.pyutils import Path
from strawberry.types.field import StrawberryField

_STRAWBERRY = "strawberry-definition"
_path = tuple.__new__
"""Makes a Path without the detour over its Python constructor: one is made for each object."""
_EXACT = {GraphQLString.name: str, GraphQLID.name: str, GraphQLBoolean.name: bool}


class _Child:
    """What a field with a selection leads to: an object type, or a list of objects or of leaves.
    `steps` are worked out when the first object is met."""

    __slots__ = ("is_list", "steps", "type", "write")

    def __init__(self, type_: GraphQLOutputType) -> None:
        self.is_list = isinstance(type_, GraphQLList)
        inner: Any = type_.of_type.of_type if isinstance(type_, GraphQLList) else type_
        self.type: GraphQLObjectType = inner
        self.write = inner.coerce_output_value if is_leaf_type(inner) else None
        self.steps: list[_Step] | None = None


class _Step(NamedTuple):
    """How one field of a selection set is answered. `get` is None for the library's own way; `exact`
    is the type whose values need no writing; `write` is None where there is a child."""

    name: str
    details: Any
    get: Callable[[Any], Any] | None = None
    required: bool = False
    exact: type | None = None
    write: Callable[[Any], Any] | None = None
    child: _Child | None = None


def plain_getter(field: GraphQLField) -> Callable[[Any], Any] | None:
    """How to read a field that is an attribute, or a plain method without arguments, of its object;
    None for all others."""
    definition = field.extensions.get(_STRAWBERRY)
    if not isinstance(definition, StrawberryField) or field.args or definition.extensions:
        return None
    if definition.is_basic_field:
        return attrgetter(definition.python_name)
    resolver = definition.base_resolver
    if resolver is None or resolver.is_async or definition.is_subscription:
        return None
    wrapped: Any = resolver.wrapped_func
    names = wrapped.__code__.co_varnames[: wrapped.__code__.co_argcount]
    if names != ("self",):
        return None
    plain: Callable[[Any], Any] = wrapped
    return plain


class PlainExecutor(Executor[Any]):
    """An executor for the schema of this package; see the module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plans: dict[int, tuple[Any, list[_Step]]] = {}

    def build_per_event_executor(self, payload: Any) -> Executor[Any]:
        executor = super().build_per_event_executor(payload)
        if isinstance(executor, PlainExecutor):
            executor._plans = {}
            executor._relevant_sub_fields = {}
        return executor

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        return self._object(
            parent_type, source_value, path, self._plan(parent_type, grouped_field_set)
        )

    def _object(
        self, type_: GraphQLObjectType, source: Any, path: Path | None, steps: list[_Step]
    ) -> Any:
        """The fields of one object: a dict, or an awaitable of one."""
        results: dict[str, Any] = {}
        waiting: list[str] = []
        try:
            for name, details, get, required, exact, write, child in steps:
                if get is None:
                    where = Path(path, name, type_.name)
                    value = self.execute_field(type_, source, details, where, None)
                    if value is not Undefined:
                        results[name] = value
                        if type(value) is not dict and self.is_awaitable(value):
                            waiting.append(name)
                    continue
                try:
                    value = get(source)
                    if type(value) is exact:
                        results[name] = value
                    elif value is None:
                        if required:
                            raise _missing(type_, details)
                        results[name] = None
                    elif write is not None:
                        results[name] = write(value)
                    else:
                        assert child is not None
                        where = _path(Path, (path, name, type_.name))
                        written = self._child(child, details, where, value)
                        results[name] = written
                        if type(written) is not dict and type(written) is not list:
                            results[name] = self._guarded(written, type_, details, path, name)
                            waiting.append(name)
                except Exception as error:  # noqa: BLE001 - it is told in the answer's errors
                    self._failed(type_, details, path, name, error)
                    results[name] = None
        except Exception:
            if waiting:
                self.settle_in_background([results[name] for name in waiting])
            raise
        return self._together(results, waiting) if waiting else results

    def _child(self, child: _Child, details: Any, path: Path, value: Any) -> Any:
        """An object, or a list of objects or leaves: a dict, a list, or an awaitable."""
        if child.write is not None:
            write = child.write
            return [write(element) for element in value]
        type_ = child.type
        steps = child.steps
        if steps is None:
            fields = self.collect_subfields(type_, details).grouped_field_set
            steps = child.steps = self._plan(type_, fields)
        if not child.is_list:
            return self._object(type_, value, path, steps)
        written: list[Any] = []
        waiting = False
        try:
            for index, element in enumerate(value):
                one = self._object(type_, element, _path(Path, (path, index, None)), steps)
                waiting = waiting or type(one) is not dict
                written.append(one)
        except Exception:
            self.settle_in_background([one for one in written if type(one) is not dict])
            raise
        return self._all(written) if waiting else written

    def _plan(self, parent_type: GraphQLObjectType, grouped: Any) -> list[_Step]:
        known = self._plans.get(id(grouped))
        if known is not None:
            return known[1]
        steps = [self._step(parent_type, name, details) for name, details in grouped.items()]
        # The field set is kept beside its plan, so that its id is not given to another one.
        self._plans[id(grouped)] = (grouped, steps)
        return steps

    def _step(self, parent_type: GraphQLObjectType, name: str, details: Any) -> _Step:
        field = self.schema.get_field(parent_type, details[0].node.name.value)
        if field is TypeNameMetaFieldDef:
            type_name = parent_type.name
            return _Step(name, details, lambda _: type_name, exact=str)
        get = plain_getter(field) if field is not None else None
        if field is None or get is None:
            return _Step(name, details)
        required = isinstance(field.type, GraphQLNonNull)
        inner = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
        if is_leaf_type(inner):
            exact = _EXACT.get(inner.name)
            return _Step(name, details, get, required, exact, inner.coerce_output_value)
        if not _plain_objects(inner):
            return _Step(name, details)
        return _Step(name, details, get, required, child=_Child(inner))

    async def _all(self, written: list[Any]) -> list[Any]:
        indices = [index for index, one in enumerate(written) if type(one) is not dict]
        for index, one in zip(
            indices, await _gathered([written[index] for index in indices]), strict=True
        ):
            written[index] = one
        return written

    async def _together(self, results: dict[str, Any], waiting: list[str]) -> dict[str, Any]:
        values = await _gathered([results[name] for name in waiting])
        results.update(zip(waiting, values, strict=True))
        return results

    async def _guarded(
        self,
        value: Awaitable[Any],
        parent_type: GraphQLObjectType,
        details: Any,
        path: Path | None,
        name: str,
    ) -> Any:
        try:
            return await value
        except Exception as error:  # noqa: BLE001 - it is told in the answer's errors
            self._failed(parent_type, details, path, name, error)
            return None

    def _failed(
        self,
        parent_type: GraphQLObjectType,
        details: Any,
        path: Path | None,
        name: str,
        error: Exception,
    ) -> None:
        """Notes the error where the field may be null, else raises it located."""
        field = self.schema.get_field(parent_type, details[0].node.name.value)
        assert field is not None
        self.handle_field_error(error, field.type, details, Path(path, name, parent_type.name))


async def _gathered(awaitables: list[Awaitable[Any]]) -> list[Any]:
    """Their values; the first error is raised after all have come to an end."""
    if len(awaitables) == 1:
        return [await awaitables[0]]
    values = await gather(*awaitables, return_exceptions=True)
    for value in values:
        if isinstance(value, BaseException):
            raise value
    return values


def _plain_objects(type_: Any) -> bool:
    """Objects, or lists of non-null objects or leaves."""
    if isinstance(type_, GraphQLList):
        if not isinstance(type_.of_type, GraphQLNonNull):
            return False
        type_ = type_.of_type.of_type
        if is_leaf_type(type_):
            return True
    return isinstance(type_, GraphQLObjectType) and type_.is_type_of is None


def _missing(parent_type: GraphQLObjectType, details: Any) -> TypeError:
    field = f"{parent_type.name}.{details[0].node.name.value}"
    return TypeError(f"Cannot return null for non-nullable field {field}.")
