"""The pages about GraphQL and HTTP say all there is, and what they say is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from fake_platform import shop
from graphql import GraphQLError, GraphQLObjectType, parse, validate

from api import errors, queries
from api.app import create_app
from api.auth import Scope
from api.collect import CALLS, SHORT
from api.http import Unavailable, Unforeseen
from api.metrics import Metrics
from api.schema import graphql_schema
from api.settings import ApiSettings, Limits

DOCS = Path(__file__).resolve().parents[2] / "docs"
GRAPHQL = (DOCS / "graphql.md").read_text("utf-8")
HTTP = (DOCS / "http.md").read_text("utf-8")


def subclasses(kind: type[errors.ApiError]) -> Iterator[type[errors.ApiError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from subclasses(one)


def words(text: str) -> set[str]:
    """What stands in back-ticks, word by word."""
    return {word for quoted in re.findall(r"`([^`\n]+)`", text) for word in quoted.split()}


def test_every_error_code_is_documented() -> None:
    assert queries.RuleRefused in set(subclasses(errors.ApiError))
    codes = {kind.code for kind in subclasses(errors.ApiError)}
    codes |= {"VALIDATION_FAILED", "BAD_VARIABLES", Unforeseen.code}
    http_only = {Unavailable.code}
    assert codes - http_only - words(GRAPHQL) == set()
    assert http_only - words(HTTP) == set()


def test_no_code_is_documented_that_cannot_come() -> None:
    table = GRAPHQL.partition("## Errors")[2].partition("In the unions")[0]
    documented = {word for word in words(table) if re.fullmatch(r"[A-Z]+(_[A-Z]+)*", word)}
    source = "\n".join(
        path.read_text("utf-8") for path in Path(errors.__file__).parent.glob("*.py")
    )
    assert {code for code in documented if f'"{code}"' not in source} == {"POST"} & documented


def test_every_limit_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", GRAPHQL, re.MULTILINE))
    defaults = {field.name: field.default for field in msgspec.structs.fields(Limits)}
    assert {name: float(value.replace(",", "")) for name, value in rows.items()} == defaults


def test_every_root_field_and_scope_is_documented() -> None:
    table = words(GRAPHQL.partition("## Roots")[2].partition("## Lists")[0])
    schema = graphql_schema()
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        assert isinstance(root, GraphQLObjectType)
        assert set(root.fields) - table == set()
    assert {scope.value for scope in Scope} - table == set()


QUERIES = re.findall(r"```graphql\n(.*?)```", GRAPHQL, re.DOTALL)


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_is_valid(query: str) -> None:
    errors_found: list[GraphQLError] = validate(graphql_schema(), parse(query))
    assert errors_found == []


def test_there_are_queries() -> None:
    assert len(QUERIES) >= 8


def test_every_path_is_documented() -> None:
    paths = set()
    for route in create_app(shop(), ApiSettings(tokens={})).router.routes():
        assert route.resource is not None
        paths.add(route.resource.canonical)
    paths = {path for path in paths if not path.startswith("/v1/{")}
    paths |= {f"/v1/{call}" for call in CALLS | SHORT}
    assert paths - words(HTTP) == set()


def test_every_metric_is_documented() -> None:
    names = {
        sample.name + ("_total" if sample.type == "counter" else "")
        for sample in Metrics().registry.collect()
    }
    assert names - words(HTTP) == set()
