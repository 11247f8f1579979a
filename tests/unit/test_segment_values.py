"""How values compare (segments.md): by JSON type, numbers mathematically, text by code point."""

from __future__ import annotations

from typing import Any

import pytest
from rule_views import Happened, View, holds

from cdp.segments.errors import BadRule
from cdp.segments.parse import parse

MISSING = object()


def passes(found: Any, op: str, value: Any = MISSING, reading: str | None = None) -> bool:
    """A trait's value and, alike, an event's property."""
    test: dict[str, Any] = {"name": "v", "op": op}
    if value is not MISSING:
        test["value"] = value
    if reading is not None:
        test["as"] = reading
    traits = {} if found is MISSING else {"v": found}
    by_trait = holds({"trait": test}, View(traits=traits))
    if not (isinstance(value, str) and value.startswith("-P")):
        event = Happened(0, "m", "Seen", traits)
        assert holds({"event": {"name": "Seen", "where": [test]}}, View([event])) is by_trait
    return by_trait


# ── by JSON type ───────────────────────────────────────────────────────────────────────────────

VALUES = [True, False, 0, 1, 1.5, -1, "", "1", "true", "0"]


@pytest.mark.parametrize("found", VALUES)
@pytest.mark.parametrize("value", VALUES)
def test_a_value_of_another_type_never_matches(found: Any, value: Any) -> None:
    def kind(one: Any) -> type:
        return float if type(one) is int else type(one)

    same_kind = kind(found) is kind(value)
    assert passes(found, "EQ", value) is (same_kind and found == value)
    assert passes(found, "IN", [value]) is (same_kind and found == value)
    assert passes(found, "NE", value) is (same_kind and found != value)
    if not isinstance(value, bool):
        assert passes(found, "GTE", value) is (same_kind and found >= value)
        assert passes(found, "LT", value) is (same_kind and found < value)


@pytest.mark.parametrize("found", [MISSING, None])
@pytest.mark.parametrize("op", ["EQ", "NE", "GT", "GTE", "LT", "LTE", "CONTAINS", "STARTS_WITH"])
@pytest.mark.parametrize("reading", [None, "TEXT"])
def test_what_is_missing_never_matches(found: Any, op: str, reading: str | None) -> None:
    assert not passes(found, op, "x", reading)
    assert not passes(found, "IN", ["x"], reading)
    assert not passes(found, "EXISTS", reading=reading)


@pytest.mark.parametrize("found", ["", 0, False, [], {}, "null"])
def test_what_is_there_exists(found: Any) -> None:
    assert passes(found, "EXISTS")


@pytest.mark.parametrize("found", [[1], {"a": 1}, []])
def test_lists_and_objects_equal_nothing(found: Any) -> None:
    for op in ("EQ", "NE", "GT", "LT"):
        assert not passes(found, op, 1)


# ── numbers ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("found", "op", "value", "expected"),
    [
        (1, "EQ", 1.0, True),
        (1.0, "EQ", 1, True),
        (0.1, "EQ", 0.1, True),
        (-0.0, "EQ", 0, True),
        (2**53 + 1, "EQ", float(2**53), False),
        (2**53 + 1, "GT", float(2**53), True),
        (10**30, "GT", 1e29, True),
        (1e300, "LT", 10**301, True),
        (9, "LT", 10, True),
        (-2, "LT", -1.5, True),
        (5, "IN", [4, 5.0], True),
        (5, "NE", 5.0, False),
    ],
)
def test_numbers_compare_mathematically(found: Any, op: str, value: Any, expected: bool) -> None:
    assert passes(found, op, value) is expected


# ── text ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("found", "op", "value", "expected"),
    [
        ("a", "EQ", "A", False),
        ("é", "EQ", "e\u0301", False),
        ("10", "LT", "9", True),
        ("Z", "LT", "a", True),
        ("\N{REPLACEMENT CHARACTER}", "LT", "\N{GRINNING FACE}", True),
        ("", "LT", "a", True),
        ("abc", "CONTAINS", "b", True),
        ("abc", "CONTAINS", "B", False),
        ("abc", "CONTAINS", "", True),
        ("abc", "STARTS_WITH", "ab", True),
        ("abc", "STARTS_WITH", "b", False),
        ("a.c", "CONTAINS", ".", True),
        ("abc", "CONTAINS", ".", False),
        ("100%", "CONTAINS", "%", True),
    ],
)
def test_text_compares_by_code_point(found: str, op: str, value: str, expected: bool) -> None:
    assert passes(found, op, value) is expected


@pytest.mark.parametrize(
    ("found", "value", "expected"),
    [
        (["a", "b"], "b", True),
        (["ab"], "a", False),
        ([1, "2"], 2, False),
        ([1, 2.0], 2, True),
        ([True], 1, False),
        ([[1]], 1, False),
        ({"a": 1}, "a", False),
        (12, 1, False),
    ],
)
def test_a_list_contains_whole_values(found: Any, value: Any, expected: bool) -> None:
    assert passes(found, "CONTAINS", value) is expected


# ── as ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reading", "found", "op", "value", "expected"),
    [
        ("TEXT", 5, "EQ", "5", True),
        ("TEXT", 5.0, "EQ", "5", True),
        ("TEXT", 0.1, "EQ", "0.1", True),
        ("TEXT", True, "EQ", "true", True),
        ("TEXT", 512, "STARTS_WITH", "51", True),
        ("TEXT", 512, "STARTS_WITH", 51, True),
        ("TEXT", 512, "CONTAINS", "1", True),
        ("TEXT", [5], "EQ", "5", False),
        ("TEXT", 5, "IN", ["4", 5], True),
        ("NUMBER", "5", "EQ", 5, True),
        ("NUMBER", " 5.0 ", "EQ", "5", True),
        ("NUMBER", "0.1", "EQ", 0.1, True),
        ("NUMBER", 0.1, "EQ", "0.10", True),
        ("NUMBER", "10", "GT", 9, True),
        ("NUMBER", "1e3", "EQ", 1000, True),
        ("NUMBER", "9007199254740993", "GT", 9007199254740992, True),
        ("NUMBER", True, "EQ", 1, False),
        ("NUMBER", "five", "NE", 5, False),
        ("NUMBER", "1_0", "EQ", 10, False),
        ("NUMBER", "٥", "EQ", 5, False),
        ("NUMBER", "NaN", "NE", 5, False),
        ("NUMBER", "Infinity", "GT", 5, False),
        ("NUMBER", "", "EQ", 0, False),
        ("BOOLEAN", "true", "EQ", True, True),
        ("BOOLEAN", False, "EQ", "false", True),
        ("BOOLEAN", "True", "EQ", True, False),
        ("BOOLEAN", 1, "EQ", True, False),
        ("BOOLEAN", "yes", "NE", True, False),
        ("DATETIME", "2026-11-05T10:00:00+02:00", "EQ", "2026-11-05T08:00:00Z", True),
        ("DATETIME", "2026-11-05", "EQ", "2026-11-05T00:00:00Z", True),
        ("DATETIME", "2026-11-05T00:00:00.000001Z", "GT", "2026-11-05", True),
        ("DATETIME", "2026-11-05", "IN", ["2026-11-04", "2026-11-05"], True),
        ("DATETIME", 1793491920, "NE", "2026-11-05", False),
        ("DATETIME", "yesterday", "NE", "2026-11-05", False),
    ],
)
def test_as_says_how_both_sides_are_read(
    reading: str, found: Any, op: str, value: Any, expected: bool
) -> None:
    assert passes(found, op, value, reading) is expected


# ── paths into properties ──────────────────────────────────────────────────────────────────────

CART = {
    "cart": {"total": 5, "lines": [{"sku": "a"}, {"sku": "b"}, "odd", {"n": 1}]},
    "products": [{"category": "shoes", "price": 3}, {"category": "hats", "price": 4}],
    "a.b": "dotted",
    "a": {"b": "nested"},
    "tags": ["x", "y"],
}


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("cart.total", 5, True),
        ("cart.nothing", 5, False),
        ("cart.total.more", 5, False),
        ("products[].category", "hats", True),
        ("products[].category", "socks", False),
        ("products.category", "hats", False),
        ("cart.lines[].sku", "b", True),
        ("tags[]", "y", True),
        ("a.b", "dotted", True),
        ("a.b", "nested", False),
        ("cart[].total", 5, False),
    ],
)
def test_paths_into_an_events_properties(path: str, value: Any, expected: bool) -> None:
    rule = {"event": {"name": "Seen", "where": [{"name": path, "value": value}]}}
    assert holds(rule, View([Happened(0, "m", "Seen", CART)])) is expected


def test_several_tests_must_all_pass_each_with_any_of_its_values() -> None:
    view = View([Happened(0, "m", "Seen", CART)])

    def where(*tests: dict[str, Any]) -> bool:
        return holds({"event": {"name": "Seen", "where": list(tests)}}, view)

    shoes = {"name": "products[].category", "value": "shoes"}
    assert where(shoes, {"name": "products[].price", "value": 4})
    assert not where(shoes, {"name": "products[].price", "value": 5})
    assert where({"name": "products[].category", "op": "NE", "value": "shoes"})


def test_a_sum_takes_every_amount_under_its_path() -> None:
    events = [Happened(at, f"m{at}", "Seen", CART) for at in (1, 2)]
    rule = {"sum": {"event": "Seen", "property": "products[].price", "gte": 14, "lte": 14}}
    assert holds(rule, View(events))


@pytest.mark.parametrize(
    ("amounts", "total"),
    [
        ([0.1, 0.2], "0.3"),
        (["0.1", 0.2], "0.3"),
        ([5, "x", None, True, [], "$5"], "5"),
        ([-5, 2], "-3"),
        ([], "0"),
        ([0.0000004], "0"),
        (["9007199254740.993001"], "9007199254740.993001"),
    ],
)
def test_sums_are_exact_and_pass_over_what_is_no_number(amounts: list[Any], total: str) -> None:
    events = [Happened(at, f"m{at}", "Paid", {"v": v}) for at, v in enumerate(amounts)]
    rule = {"sum": {"event": "Paid", "property": "v", "gte": total, "lte": total}}
    assert holds(rule, View(events))


# ── what can never match is refused ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("test", "field"),
    [
        ({"op": "EXISTS", "value": 1}, "value"),
        ({"op": "IN", "value": "a"}, "value"),
        ({"op": "IN", "value": []}, "value"),
        ({"op": "IN", "value": [None]}, "value"),
        ({"op": "IN", "value": [[1]]}, "value"),
        ({"op": "EQ"}, "value"),
        ({"op": "EQ", "value": None}, "value"),
        ({"op": "EQ", "value": [1]}, "value"),
        ({"op": "EQ", "value": {"a": 1}}, "value"),
        ({"op": "EQ", "value": float("inf")}, "value"),
        ({"op": "GT", "value": True}, "value"),
        ({"op": "STARTS_WITH", "value": 1}, "value"),
        ({"op": "LIKE", "value": "a"}, "op"),
        ({"op": "EQ", "value": "a", "as": "MONEY"}, "as"),
        ({"op": "EQ", "value": "a", "as": "NUMBER"}, "value"),
        ({"op": "IN", "value": [1, "a"], "as": "NUMBER"}, "value"),
        ({"op": "EQ", "value": "yes", "as": "BOOLEAN"}, "value"),
        ({"op": "EQ", "value": "soon", "as": "DATETIME"}, "value"),
        ({"op": "GT", "value": 5, "as": "DATETIME"}, "value"),
        ({"op": "GT", "value": "true", "as": "BOOLEAN"}, "as"),
        ({"op": "CONTAINS", "value": "5", "as": "NUMBER"}, "as"),
        ({"op": "STARTS_WITH", "value": "2026", "as": "DATETIME"}, "as"),
    ],
)
def test_a_test_that_makes_no_sense_is_refused(test: dict[str, Any], field: str) -> None:
    for rule, path in (
        ({"trait": {"name": "v", **test}}, ("trait",)),
        ({"event": {"name": "Seen", "where": [{"name": "v", **test}]}}, ("event", "where", "0")),
    ):
        with pytest.raises(BadRule) as refused:
            parse(rule)
        assert [(p.code, p.path) for p in refused.value.problems] == [("BAD_VALUE", (*path, field))]


def test_a_time_back_is_for_traits_only() -> None:
    test = {"name": "v", "op": "GT", "value": "-P30D", "as": "DATETIME"}
    assert parse({"trait": test})
    with pytest.raises(BadRule) as refused:
        parse({"event": {"name": "Seen", "where": [test]}})
    (problem,) = refused.value.problems
    assert problem.path == ("event", "where", "0", "value")
    # Without DATETIME it is a text like any other.
    assert passes("-P30D", "EQ", "-P30D")
