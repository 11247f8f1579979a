"""The GraphQL schema as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import strawberry
from graphql import (
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    print_schema,
)
from strawberry.schema.config import StrawberryConfig

from api.mutations import Mutation
from api.queries import Query
from api.subscriptions import Subscription
from api.types.scalars import SCALARS


@cache
def strawberry_schema() -> strawberry.Schema:
    """Built at the first use and once: it reads every type of this package."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        config=StrawberryConfig(scalar_map=SCALARS),
    )


@cache
def graphql_schema() -> GraphQLSchema:
    """The schema as graphql-core executes it."""
    schema = strawberry_schema()._schema
    for value in _inputs(schema):
        # A Python default of None is no default of the schema: null and absent mean the same.
        if value.default_value is None:
            value.default_value = Undefined
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            kind.is_one_of = _is_one_of(kind)
    return schema


def sdl() -> str:
    """The schema in GraphQL's own language, as `schema.graphql` holds it."""
    return print_schema(graphql_schema()) + "\n"


def _inputs(schema: GraphQLSchema) -> Iterator[Any]:
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            yield from kind.fields.values()
        elif isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for field in kind.fields.values():
                yield from field.args.values()


def _is_one_of(kind: GraphQLInputObjectType) -> bool:
    """Strawberry checks it when it converts; the library has to know it too, to refuse a query
    before it runs and to print the directive."""
    definition = kind.extensions.get("strawberry-definition")
    return bool(definition is not None and definition.is_one_of)


if __name__ == "__main__":
    print(sdl(), end="")
