"""The parts of the API alone: executor, limits, documents, cursors, loaders, scalars."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_platform import shop
from graphql import ExecutionResult, Executor, GraphQLError, OperationDefinitionNode, parse
from hypothesis import example, given
from hypothesis import strategies as st

from api.auth import Principal, Scope
from api.connections import Cursors, Seal
from api.context import Context
from api.documents import Documents
from api.errors import ApiError, BadCursor, CyclicFragment
from api.executor import PlainExecutor, plain_getter
from api.limits import measure
from api.loaders import Loader
from api.schema import graphql_schema
from api.settings import ApiSettings, Limits
from api.types.scalars import (
    read_datetime,
    read_decimal,
    read_long,
    write_datetime,
    write_decimal,
    write_json,
    write_long,
)
from graph_schema.model.time import from_iso, to_iso

SEAL = Seal(b"key")


def context(platform: Any, *scopes: Scope) -> Context:
    return Context(platform, Principal("test", frozenset(scopes or Scope)), "r", SEAL)


async def executed(executor: type[Executor], query: str, ctx: Context) -> ExecutionResult:
    built = executor.build(graphql_schema(), parse(query), None, ctx)
    assert not isinstance(built, list)
    result: Any = built.execute_operation()
    return result if isinstance(result, ExecutionResult) else await result


EVERYTHING = """{ profiles(first: 3) { totalCount pageInfo { hasNextPage endCursor } edges { cursor
  node { __typename id traits identified redirectedFrom counters { events sessions orders
    revenue { amount } byName { name count } firstTouch { at source } lastTouch { at } }
    consent { category }
    identifiers(first: 2) { edges { node { namespace status profile { id } } } }
    alias: id ...F } } }
  segments(first: 1) { edges { node { rule status versions { version } } } } }
  fragment F on Profile { events(first: 2) { edges { node { type at items { quantity
    item { name } } } } } segments(first: 1) { edges { reason { path holds condition } } } }"""


async def test_the_plain_executor_answers_as_the_librarys_own() -> None:
    """In one thing they may differ: the order of the errors."""
    platform = shop()
    for query in (EVERYTHING, "{ stats { lag nothing: events } }"):
        plain = await executed(PlainExecutor, query, context(platform))
        own = await executed(Executor, query, context(platform))
        assert plain.errors is None
        assert plain.data == own.data
        assert list(plain.data or {}) == list(own.data or {})


@pytest.mark.parametrize("field", ["firstSeenAt", "counters { events }", "id", "traits"])
async def test_a_failing_plain_field_fails_as_in_the_librarys_own(field: str) -> None:
    """A non-null field that fails takes its nearest nullable parent with it; the path names it."""
    platform = shop()
    broken = platform.profiles.stored["p_0002"]
    broken.tally = None  # type: ignore[assignment]
    broken.first_at = "no time"  # type: ignore[assignment]
    query = f"{{ profiles(first: 3) {{ edges {{ node {{ lastSeenAt {field} sessions(first: 1)"
    query += " { totalCount } } } } stats { lag } }"
    plain = await executed(PlainExecutor, query, context(platform))
    own = await executed(Executor, query, context(platform))
    assert plain.data == own.data
    assert plain.data is not None
    assert (plain.data["profiles"] is None) == (field != "id")
    assert [error.path for error in plain.errors or []] == [e.path for e in own.errors or []]


def test_most_fields_of_a_profile_are_plain() -> None:
    fields = graphql_schema().type_map["Profile"].fields  # type: ignore[attr-defined]
    plain = {name for name, field in fields.items() if plain_getter(field) is not None}
    assert plain == {
        "id",
        "redirectedFrom",
        "asOf",
        "firstSeenAt",
        "lastSeenAt",
        "identified",
        "traits",
    } | {
        "counters",
        "consent",
    }


def size_of(query: str, **variables: Any) -> Any:
    document = parse(query)
    operation = next(n for n in document.definitions if isinstance(n, OperationDefinitionNode))
    return measure(document, operation, variables)


def test_sizes() -> None:
    assert size_of("{ a }") == (1, 0, 1, 0, 0, 0)
    assert size_of("{ x: a @skip(if: true) { b(first: 3) { c { d } } } }") == (
        4, 3, 4, 1, 1, 5,
    )  # fmt: skip
    assert size_of("query @d { a { ...F } b { ...F } } fragment F on T { c { d } }") == (
        3, 3, 6, 0, 1, 4,
    )  # fmt: skip
    assert size_of("query ($n: Int = 7) { a(first: $n) { b { c } } }").cost == 8
    assert size_of("query ($n: Int = 7) { a(first: $n) { b { c } } }", n=2).cost == 3
    assert size_of("{ a(first: 99999999999999999999) { b { c } } }").cost == 1001
    assert size_of("{ a(first: -5) { b { c } } }").cost == 2


def test_fragments_that_multiply_are_counted_without_unfolding() -> None:
    levels = 200
    query = "{ ...F0 } " + " ".join(
        f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)
    )
    query += f" fragment F{levels} on Query {{ x }}"
    assert size_of(query).fields == 2**levels


@pytest.mark.parametrize(
    "query",
    [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { x { ...A } }",
        "{ x } fragment A on Query { ...B } fragment B on Query { ...A }",
    ],
)
def test_circles_are_refused(query: str) -> None:
    with pytest.raises(CyclicFragment):
        size_of(query)


def test_the_unused_counts_too_for_it_is_validated() -> None:
    query = "{ a } fragment Unused on Query { " + "x " * 50 + "}"
    assert size_of(query).fields == 51


def test_documents_are_remembered_once_they_are_valid() -> None:
    documents = Documents(graph_schema(), ApiSettings(tokens={}))
    good = documents.parsed("{ stats { lag } }")
    assert documents.validated("{ stats { lag } }", good) == []
    assert documents.parsed("{ stats { lag } }") is good
    bad = documents.parsed("{ nothing }")
    assert documents.validated("{ nothing }", bad)
    assert documents.parsed("{ nothing }") is not bad


def test_only_so_many_documents_are_remembered() -> None:
    documents = Documents(graph_schema(), ApiSettings(tokens={}))
    first = "{ stats { lag } }"
    kept = documents.parsed(first)
    documents.validated(first, kept)
    for number in range(600):
        text = f"{{ stats {{ a{number}: lag }} }}"
        documents.validated(text, documents.parsed(text))
    assert documents.parsed(first) is not kept


def graph_schema() -> Any:
    return graphql_schema()


@pytest.mark.parametrize(
    ("limits", "query"),
    [
        (Limits(depth=2), "{ a { b { c } } }"),
        (Limits(fields=2), "{ a b c }"),
        (Limits(aliases=1), "{ x: a y: b }"),
        (Limits(directives=1), "{ a @x @y }"),
        (Limits(cost=5), "{ a(first: 10) { b { c } } }"),
        (Limits(tokens=4), "{ a b c }"),
    ],
)
def test_each_limit_has_its_code(limits: Limits, query: str) -> None:
    documents = Documents(graphql_schema(), ApiSettings(tokens={}, limits=limits))
    with pytest.raises(ApiError) as refused:
        document = documents.parsed(query)
        documents.measured(document, document.operation(None), {})
    assert refused.value.code.startswith("TOO_")


@given(st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.text())), st.text())
def test_cursors_come_back_and_hide_what_they_hold(keyset: list[Any], name: str) -> None:
    cursors = Cursors(SEAL, name, ("filter",))
    cursor = cursors.of(tuple(keyset))
    assert cursors.read(cursor) == tuple(keyset)
    for other in (Cursors(SEAL, name), Cursors(Seal(b"other"), name, ("filter",))):
        with pytest.raises(BadCursor):
            other.read(cursor)


@given(st.binary(min_size=1), st.integers(0), st.integers(1, 255))
def test_a_changed_cursor_is_refused(text: bytes, place: int, change: int) -> None:
    import base64

    sealed = SEAL.close(text)
    raw = bytearray(base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4)))
    raw[place % len(raw)] ^= change
    with pytest.raises(ValueError, match="sealed"):
        SEAL.open(base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("="))


async def test_loaders_gather_and_remember() -> None:
    batches: list[list[int]] = []

    async def ask(keys: list[int]) -> list[int]:
        batches.append(keys)
        return [key * 2 for key in keys]

    loader: Loader[int, int] = Loader(ask, set())
    loader.know(9, 99)
    assert await asyncio.gather(*(loader.load(n) for n in (1, 2, 1, 9))) == [2, 4, 2, 99]
    assert await loader.load(2) == 4
    assert batches == [[1, 2]]


async def test_a_loader_that_fails_tells_all_and_one_that_is_closed_cancels() -> None:
    async def fail(keys: list[int]) -> list[int]:
        raise LookupError

    loader: Loader[int, int] = Loader(fail, set())
    results = await asyncio.gather(loader.load(1), loader.load(2), return_exceptions=True)
    assert [type(one) for one in results] == [LookupError, LookupError]

    ctx = context(shop())
    ctx.platform.profiles.slow = 60.0  # type: ignore[attr-defined]
    waiting = ctx.loaders.profiles.load("p_0001")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    ctx.loaders.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@given(st.integers(from_iso("0001-01-01T00:00:00Z"), from_iso("9999-12-31T23:59:59Z")))
@example(from_iso("0001-01-01T00:00:00Z"))  # what some clients write for no time at all
@example(-1)
def test_times_are_written_as_the_ground_floor_writes_them(at: int) -> None:
    assert write_datetime(at) == to_iso(at)
    assert len(to_iso(at)) == len("2026-11-23T10:00:00.000Z")
    assert read_datetime(write_datetime(at)) == at // 1000 * 1000


@given(st.integers(-(10**19) + 1, 10**19 - 1))
def test_decimals_come_back(micros: int) -> None:
    assert read_decimal(write_decimal(micros)) == micros


def test_decimals_are_plain() -> None:
    assert [write_decimal(n) for n in (0, 12_500_000, -1, 1_000_000)] == [
        "0", "12.5", "-0.000001", "1",
    ]  # fmt: skip
    assert [read_decimal(v) for v in ("1.10", 2, 0.1, "-3e2")] == [
        1_100_000, 2_000_000, 100_000, -300_000_000,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "value", ["", "x", "NaN", "Infinity", "1e400", "0.0000001", True, None, [], "1" * 50, 1e300]
)
def test_what_is_no_decimal_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError):
        read_decimal(value)


@pytest.mark.parametrize("value", [True, "1", 2**63, -(2**63) - 1, 1.5, None])
def test_what_is_no_long_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError):
        read_long(value)
    if isinstance(value, int) and not isinstance(value, bool):
        with pytest.raises(GraphQLError):
            write_long(value)


@pytest.mark.parametrize("value", [5, None, "soon", "2026-13-01", ""])
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError):
        read_datetime(value)


def test_json_keeps_what_every_client_reads_exactly() -> None:
    value = {"a": [2**53, 2**53 + 1, -(2**60), 1.5, 1e300, True, None, "x", float("nan")]}
    assert write_json(value) == {
        "a": [2**53, str(2**53 + 1), str(-(2**60)), 1.5, str(int(1e300)), True, None, "x", None]
    }
    with pytest.raises(GraphQLError):
        write_json(object())
