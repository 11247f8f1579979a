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
    Undefined,
    is_leaf_type,
)
from graphql.pyutils import Path
from strawberry.types.field import StrawberryField

_STRAWBERRY = "strawberry-definition"
_EXACT = {GraphQLString.name: str, GraphQLID.name: str, GraphQLBoolean.name: bool}


class _Step(NamedTuple):
    """How one field of a selection set is answered. `get` is None for the library's own way; `exact`
    is the type whose values need no writing; `write` is None where the field has a selection."""

    name: str
    details: Any
    of: GraphQLOutputType | None
    get: Callable[[Any], Any] | None
    required: bool
    exact: type | None
    write: Callable[[Any], Any] | None


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
        results: dict[str, Any] = {}
        waiting: list[str] = []
        try:
            for name, details, type_, get, required, exact, write in self._plan(
                parent_type, grouped_field_set
            ):
                if get is None:
                    value = self.execute_field(
                        parent_type,
                        source_value,
                        details,
                        Path(path, name, parent_type.name),
                        position_context,
                    )
                    if value is Undefined:
                        continue
                    results[name] = value
                    if type(value) is not dict and self.is_awaitable(value):
                        waiting.append(name)
                    continue
                try:
                    value = get(source_value)
                    if type(value) is exact:
                        results[name] = value
                        continue
                    if value is None:
                        if required:
                            raise _missing(parent_type, details)
                        results[name] = None
                        continue
                    if write is not None:
                        results[name] = write(value)
                        continue
                    assert type_ is not None
                    value = self._written(type_, details, Path(path, name, parent_type.name), value)
                except Exception as error:  # noqa: BLE001 - it is told in the answer's errors
                    self._failed(parent_type, details, path, name, error)
                    value = None
                results[name] = value
                if value is not None and type(value) is not dict and type(value) is not list:
                    results[name] = self._guarded(value, parent_type, details, path, name)
                    waiting.append(name)
        except Exception:
            if waiting:
                self.settle_in_background([results[name] for name in waiting])
            raise
        return self._together(results, waiting) if waiting else results

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
        get = plain_getter(field) if field is not None else None
        if field is None or get is None:
            return _Step(name, details, None, None, False, None, None)
        required = isinstance(field.type, GraphQLNonNull)
        inner = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
        if is_leaf_type(inner):
            exact = _EXACT.get(inner.name)
            return _Step(name, details, inner, get, required, exact, inner.coerce_output_value)
        if not _plain_objects(inner):
            return _Step(name, details, None, None, False, None, None)
        return _Step(name, details, inner, get, required, None, None)

    def _written(self, type_: GraphQLOutputType, details: Any, path: Path, value: Any) -> Any:
        """Completes an object, or a list of objects or leaves: a dict, a list, or an awaitable."""
        if isinstance(type_, GraphQLObjectType):
            fields = self.collect_subfields(type_, details).grouped_field_set
            return self.execute_fields(type_, value, path, fields, None)
        assert isinstance(type_, GraphQLList)
        member: Any = type_.of_type.of_type
        if not isinstance(member, GraphQLObjectType):
            write = member.coerce_output_value
            return [write(element) for element in value]
        fields = self.collect_subfields(member, details).grouped_field_set
        written: list[Any] = []
        waiting = False
        try:
            for index, element in enumerate(value):
                completed = self.execute_fields(
                    member, element, Path(path, index, None), fields, None
                )
                waiting = waiting or type(completed) is not dict
                written.append(completed)
        except Exception:
            self.settle_in_background([one for one in written if type(one) is not dict])
            raise
        return self._all(written) if waiting else written

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
