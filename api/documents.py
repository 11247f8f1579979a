"""Queries, parsed and validated, remembered by their text."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)

from api.errors import ParseFailed, QueryTooLong, TooDeep, TooManyTokens, UnknownOperation
from api.limits import Size, measure, refuse_large
from api.settings import ApiSettings

RULES = tuple(specified_rules)
RULES_WITHOUT_INTROSPECTION = (*specified_rules, NoSchemaIntrospectionCustomRule)

_REMEMBERED = 500
_LONGEST_REMEMBERED = 20_000
_COMMENTS = 200
_MOST_ERRORS = 10


class Document:
    """A parsed query. `errors` is None until it was validated."""

    __slots__ = ("ast", "errors", "operations")

    def __init__(self, ast: DocumentNode) -> None:
        self.ast = ast
        self.errors: list[GraphQLError] | None = None
        self.operations = {
            node.name.value if node.name else "": node
            for node in ast.definitions
            if isinstance(node, OperationDefinitionNode)
        }

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The one of that name, or the only one. Raises UnknownOperation."""
        if name:
            found = self.operations.get(name)
        else:
            found = next(iter(self.operations.values())) if len(self.operations) == 1 else None
        if found is None:
            raise UnknownOperation
        return found


class Documents:
    """Parses, measures, validates: in that order, each as late as it can be."""

    def __init__(self, schema: GraphQLSchema, settings: ApiSettings) -> None:
        self._schema = schema
        self._limits = settings.limits
        self._hide_suggestions = not settings.suggestions
        self._rules = RULES if settings.introspection else RULES_WITHOUT_INTROSPECTION
        self._remembered: OrderedDict[str, Document] = OrderedDict()

    def parsed(self, text: str) -> Document:
        """Raises QueryTooLong, ParseFailed, TooManyTokens, TooDeep."""
        if len(text) > self._limits.text:
            raise QueryTooLong(limit=self._limits.text)
        document = self._remembered.get(text)
        if document is None:
            return Document(self._parse(text))
        self._remembered.move_to_end(text)
        return document

    def measured(
        self, document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> Size:
        """The size of the operation. Raises the ApiError of a limit that it passes."""
        size = measure(document.ast, operation, variables)
        refuse_large(size, self._limits)
        return size

    def validated(self, text: str, document: Document) -> list[GraphQLError]:
        """What is wrong with the query. Call it after `measured`: validating what is too large is
        what an attacker wants."""
        if document.errors is None:
            document.errors = validate(
                self._schema,
                document.ast,
                self._rules,
                max_errors=_MOST_ERRORS,
                hide_suggestions=self._hide_suggestions,
            )
            if not document.errors and len(text) <= _LONGEST_REMEMBERED:
                self._remembered[text] = document
                if len(self._remembered) > _REMEMBERED:
                    self._remembered.popitem(last=False)
        return document.errors

    def _parse(self, text: str) -> DocumentNode:
        try:
            return parse(text, max_lexical_tokens=self._limits.tokens, max_comments=_COMMENTS)
        except GraphQLSyntaxError as error:
            if "contains more than" in error.message:
                raise TooManyTokens(limit=self._limits.tokens) from error
            if "nested too deeply" in error.message:
                raise TooDeep(limit=self._limits.depth) from error
            raise ParseFailed(reason=error.message) from error
