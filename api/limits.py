"""How large a GraphQL query is, measured after parsing and before validating.

Each selection set and each fragment is measured once, however often it is spread: what a spread
adds is arithmetic. So the time is linear in the size of the document, and a document whose
fragments multiply is found without ever being unfolded.

Cost: a field with a selection of its own costs 1; a field with `first` (or `sample`, `limit`) costs 1
and that many times its selection. Leaves are free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from graphql import (
    ArgumentNode,
    DocumentNode,
    ExecutableDefinitionNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

from api.errors import (
    ApiError,
    ArgumentError,
    CyclicFragment,
    TooCostly,
    TooDeep,
    TooManyAliases,
    TooManyDirectives,
    TooManyFields,
)
from api.settings import Limits

_MULTIPLIERS = frozenset({"first", "limit", "sample"})
_UNASKED = {"identityGraph": 200}
"""What a field repeats its selection where the argument is left out."""
_LARGEST_FACTOR = 1_000
_NESTING_FACTOR = 4
_DEEPEST_VALUE = 64
_LONGEST_NUMBER = 400


class Size(NamedTuple):
    """`depth` counts fields within fields; `nesting` fragments within each other too."""

    depth: int = 0
    nesting: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    cost: int = 0

    def beside(self, other: Size) -> Size:
        return Size(
            max(self.depth, other.depth),
            max(self.nesting, other.nesting),
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.directives + other.directives,
            self.cost + other.cost,
        )


_NOTHING = Size()


def refuse_large(size: Size, limits: Limits) -> None:
    """Raises the ApiError that names the first limit that is passed."""
    if size.depth > limits.depth or size.nesting > limits.depth * _NESTING_FACTOR:
        raise TooDeep(limit=limits.depth)
    checks: tuple[tuple[int, int, type[ApiError]], ...] = (
        (size.aliases, limits.aliases, TooManyAliases),
        (size.directives, limits.directives, TooManyDirectives),
        (size.fields, limits.fields, TooManyFields),
    )
    for found, limit, error in checks:
        if found > limit:
            raise error(limit=limit)
    if size.cost > limits.cost:
        raise TooCostly(cost=size.cost, limit=limits.cost)


def measure(
    document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> Size:
    """The size of what one operation executes, or of the whole document where that is more (all of
    it is validated); the cost is the operation's. Raises CyclicFragment."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    measuring = _Measuring(fragments, _factors(operation, variables))
    executed = measuring.operation(operation)
    whole = _NOTHING
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode) and node is not operation:
            whole = whole.beside(measuring.operation(node))
    for name in fragments:
        whole = whole.beside(measuring.unspread(name))
    return Size(
        max(executed.depth, whole.depth),
        max(executed.nesting, whole.nesting),
        executed.fields + whole.fields,
        executed.aliases + whole.aliases,
        executed.directives + whole.directives,
        executed.cost,
    )


def _factors(
    operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> Callable[[FieldNode], int]:
    """How often a field's selection is repeated, read from its arguments and the variables."""
    defaults = {
        definition.variable.name.value: definition.default_value
        for definition in operation.variable_definitions or ()
    }

    def factor(node: FieldNode) -> int:
        for argument in node.arguments or ():
            if argument.name.value in _MULTIPLIERS:
                value: Any = argument.value
                if isinstance(value, VariableNode):
                    name = value.name.value
                    value = variables.get(name, defaults.get(name))
                if isinstance(value, IntValueNode):
                    value = _number(value.value)
                if isinstance(value, int):
                    return min(max(value, 1), _LARGEST_FACTOR)
        return _UNASKED.get(node.name.value, 1)

    return factor


def _number(text: str) -> int:
    return int(text) if len(text) < 10 else _LARGEST_FACTOR


class _Measuring:
    def __init__(
        self,
        fragments: Mapping[str, FragmentDefinitionNode],
        factor: Callable[[FieldNode], int],
    ) -> None:
        self._fragments = fragments
        self._factor = factor
        self._known: dict[str, Size | None] = {}
        self._spread: set[str] = set()

    def operation(self, node: OperationDefinitionNode) -> Size:
        inner = self._selection(node.selection_set)
        for definition in node.variable_definitions or ():
            if definition.default_value is not None:
                _check_value(definition.default_value, _DEEPEST_VALUE)
        return inner._replace(directives=inner.directives + _directives(node))

    def unspread(self, name: str) -> Size:
        """The size of a fragment that no operation spreads; nothing for the others."""
        return _NOTHING if name in self._spread else self._fragment(name)

    def _fragment(self, name: str) -> Size:
        self._spread.add(name)
        if name in self._known:
            known = self._known[name]
            if known is None:
                raise CyclicFragment
            return known
        node = self._fragments.get(name)
        if node is None:
            return _NOTHING
        self._known[name] = None
        inner = self._selection(node.selection_set)
        size = inner._replace(directives=inner.directives + _directives(node))
        self._known[name] = size
        return size

    def _selection(self, node: SelectionSetNode) -> Size:
        depth = nesting = fields = aliases = directives = cost = 0
        for selection in node.selections:
            directives += _directives(selection)
            if isinstance(selection, FieldNode):
                _check_arguments(selection.arguments)
                fields += 1
                aliases += selection.alias is not None
                if selection.selection_set is None:
                    depth = depth or 1
                    continue
                inner = self._selection(selection.selection_set)
                inner = inner._replace(
                    depth=inner.depth + 1, cost=1 + self._factor(selection) * inner.cost
                )
            elif isinstance(selection, FragmentSpreadNode):
                inner = self._fragment(selection.name.value)
            elif isinstance(selection, InlineFragmentNode):
                inner = self._selection(selection.selection_set)
            depth = max(depth, inner.depth)
            nesting = max(nesting, inner.nesting + 1)
            fields += inner.fields
            aliases += inner.aliases
            directives += inner.directives
            cost += inner.cost
        return Size(depth, nesting, fields, aliases, directives, cost)


def _directives(node: SelectionNode | ExecutableDefinitionNode) -> int:
    for directive in node.directives or ():
        _check_arguments(directive.arguments)
    return len(node.directives or ())


def _check_arguments(arguments: Iterable[ArgumentNode] | None) -> None:
    for argument in arguments or ():
        _check_value(argument.value, _DEEPEST_VALUE)


def _check_value(value: ValueNode, levels: int) -> None:
    """Raises TooDeep, or ArgumentError for a number that Python itself refuses to read."""
    if isinstance(value, IntValueNode | FloatValueNode):
        if len(value.value) > _LONGEST_NUMBER:
            raise ArgumentError(reason=f"A number may have {_LONGEST_NUMBER} digits at most.")
    elif isinstance(value, ObjectValueNode | ListValueNode):
        if levels == 0:
            raise TooDeep(limit=_DEEPEST_VALUE)
        inner: Iterable[ValueNode] = (
            value.values
            if isinstance(value, ListValueNode)
            else (field.value for field in value.fields)
        )
        for one in inner:
            _check_value(one, levels - 1)
