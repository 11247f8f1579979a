"""What a rule may not be: every mistake is told at once, each with its path."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cdp.segments.errors import BadRule
from cdp.segments.index import SegmentIndex, check_uses, sorted_by_use, users_of
from cdp.segments.parse import parse, segment_key
from cdp.segments.write import to_json
from graph_schema.model.segment import Segment, SegmentStatus

SEEN = {"event": {"name": "Seen"}}


def mistakes(rule: Any) -> list[tuple[str, str]]:
    """(code, path) of each."""
    with pytest.raises(BadRule) as refused:
        parse(rule)
    assert all(problem.message.endswith((".", "-P30D.")) for problem in refused.value.problems)
    return [(problem.code, ".".join(problem.path)) for problem in refused.value.problems]


@pytest.mark.parametrize(
    "rule", [None, [], "event", 5, True, {}, {"event": None}, {**SEEN, "segment": "s"}]
)
def test_a_rule_has_exactly_one_condition(rule: Any) -> None:
    assert mistakes(rule) == [("ONE_OF", "")]
    assert mistakes({"not": {"all": [SEEN, rule]}}) == [("ONE_OF", "not.all.1")]


@pytest.mark.parametrize("kind", ["sequence", "events", "and", "Event", ""])
def test_conditions_that_are_not_known(kind: str) -> None:
    assert mistakes({kind: {}}) == [("UNKNOWN_CONDITION", kind)]


@pytest.mark.parametrize("kind", ["all", "any"])
@pytest.mark.parametrize("value", [[], {}, "x", SEEN])
def test_all_and_any_have_at_least_one_part(kind: str, value: Any) -> None:
    assert mistakes({kind: value}) == [("EMPTY", kind)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"trait": {}}, [("MISSING", "trait.name"), ("BAD_VALUE", "trait.value")]),
        ({"trait": "plan"}, [("WRONG_TYPE", "trait")]),
        ({"sum": 5}, [("WRONG_TYPE", "sum")]),
        ({"event": []}, [("WRONG_TYPE", "event")]),
        ({"identifiers": "email"}, [("WRONG_TYPE", "identifiers")]),
        ({"trait": {"name": "", "op": "EXISTS"}}, [("MISSING", "trait.name")]),
        ({"trait": {"name": 5, "op": "EXISTS"}}, [("MISSING", "trait.name")]),
        ({"trait": {"name": "p", "op": "EXISTS", "within": "P1D"}}, [("UNKNOWN_FIELD", "trait.within")]),
        ({"event": {}}, [("MISSING", "event.name")]),
        ({"event": {"name": "Seen", "where": {}}}, [("WRONG_TYPE", "event.where")]),
        ({"event": {"name": "Seen", "where": ["x"]}}, [("WRONG_TYPE", "event.where.0")]),
        ({"event": {"name": "Seen", "where": [{}]}},
         [("MISSING", "event.where.0.name"), ("BAD_VALUE", "event.where.0.value")]),
        ({"event": {"name": "Seen", "where": [{"name": "a..b", "op": "EXISTS"}]}},
         [("BAD_PATH", "event.where.0.name")]),
        ({"event": {"name": "Seen", "count": 5}}, [("WRONG_TYPE", "event.count")]),
        ({"event": {"name": "Seen", "count": {}}}, [("MISSING", "event.count")]),
        ({"event": {"name": "Seen", "count": {"gte": None}}}, [("MISSING", "event.count")]),
        ({"event": {"name": "Seen", "count": {"eq": 5}}}, [("WRONG_TYPE", "event.count")]),
        ({"event": {"name": "Seen", "count": {"gte": -1}}}, [("BAD_VALUE", "event.count.gte")]),
        ({"event": {"name": "Seen", "count": {"gte": 1.0, "lte": True}}},
         [("BAD_VALUE", "event.count.gte"), ("BAD_VALUE", "event.count.lte")]),
        ({"event": {"name": "Seen", "count": {"gte": 1 << 63}}}, [("BAD_VALUE", "event.count.gte")]),
        ({"event": {"name": "Seen", "count": {"gte": 3, "lte": 2}}}, [("BAD_RANGE", "event.count")]),
        ({"event": {"name": "Seen", "since": "soon"}}, [("BAD_VALUE", "event.since")]),
        ({"event": {"name": "Seen", "until": 5}}, [("BAD_VALUE", "event.until")]),
        ({"event": {"name": "Seen", "since": "2026-11-02", "until": "2026-11-02"}},
         [("BAD_RANGE", "event")]),
        ({"event": {"name": "Seen", "within": "-P1D"}}, [("BAD_DURATION", "event.within")]),
        ({"sum": {"event": "Paid", "property": "v"}}, [("MISSING", "sum")]),
        ({"sum": {"gte": 1}}, [("MISSING", "sum.event"), ("MISSING", "sum.property")]),
        ({"sum": {"event": "Paid", "property": "v[", "gte": 1}}, [("BAD_PATH", "sum.property")]),
        ({"sum": {"event": "Paid", "property": "v", "gte": "x"}}, [("BAD_VALUE", "sum.gte")]),
        ({"sum": {"event": "Paid", "property": "v", "gte": "0.0000001"}}, [("BAD_VALUE", "sum.gte")]),
        ({"sum": {"event": "Paid", "property": "v", "gte": math.inf}}, [("BAD_VALUE", "sum.gte")]),
        ({"sum": {"event": "Paid", "property": "v", "gte": 2, "lte": 1}}, [("BAD_RANGE", "sum")]),
        ({"segment": "No Key"}, [("BAD_KEY", "segment")]),
        ({"segment": {"key": "s"}}, [("BAD_KEY", "segment")]),
        ({"identifiers": {"namespace": "email"}}, [("MISSING", "identifiers")]),
        ({"identifiers": {"gte": 1}}, [("MISSING", "identifiers.namespace")]),
        ({"identifiers": {"namespace": "email", "gte": "1"}}, [("BAD_VALUE", "identifiers.gte")]),
    ],
)  # fmt: skip
def test_a_mistake_and_its_path(rule: Any, expected: list[tuple[str, str]]) -> None:
    assert mistakes(rule) == expected
    inside = [(code, f"all.1.not.{path}") for code, path in expected]
    assert mistakes({"all": [SEEN, {"not": rule}]}) == inside


def test_all_mistakes_are_told_at_once() -> None:
    rule = {
        "any": [
            {"event": {"name": "Seen", "within": "P1M"}},
            SEEN,
            {"not": {"trait": {"name": "plan", "op": "IN", "value": []}}},
            {"all": []},
        ]
    }
    assert mistakes(rule) == [
        ("BAD_DURATION", "any.0.event.within"),
        ("BAD_VALUE", "any.2.not.trait.value"),
        ("EMPTY", "any.3.all"),
    ]


def test_a_rule_is_not_too_deep_and_not_too_large() -> None:
    deep: Any = SEEN
    for _ in range(12):
        deep = {"all": [deep]}
    assert parse(deep)
    (mistake,) = mistakes({"all": [deep]})
    assert mistake == ("TOO_LARGE", ".".join(["all", "0"] * 13))
    assert parse({"any": [SEEN] * 100})
    assert mistakes({"any": [SEEN] * 101}) == [("TOO_LARGE", "")]


def test_what_is_null_is_as_if_it_were_left_out() -> None:
    bare = {
        "name": "Seen",
        "where": None,
        "count": None,
        "within": None,
        "since": None,
        "until": None,
    }
    assert parse({"event": bare, "trait": None}) == parse(SEEN)


@pytest.mark.parametrize(
    "rule",
    [
        {"trait": {"name": "plan", "value": "gold"}},
        {"trait": {"name": "plan", "op": "IN", "value": [1, "a", True, 1.5]}},
        {"trait": {"name": "at", "op": "LT", "value": "-P30D", "as": "DATETIME"}},
        {"event": {"name": "Seen", "where": [{"name": "a[].b", "op": "EXISTS"}], "count": {"lte": 0}}},
        {"event": {"name": "Seen", "within": "P1DT1H", "since": "2026-11-01T00:00:00.000001Z"}},
        {"sum": {"event": "Paid", "property": "v", "gte": "-0.5", "until": "2026-11-01T00:00:00.500Z"}},
        {"not": {"any": [{"segment": "s"}, {"identifiers": {"namespace": "email", "lte": 2}}]}},
    ],
)  # fmt: skip
def test_a_rule_comes_back_as_it_was_sent(rule: Any) -> None:
    assert to_json(parse(rule)) == rule


def test_what_has_its_default_is_left_out() -> None:
    sent = {"event": {"name": "Seen", "count": {"gte": 1}, "within": "PT168H", "where": []}}
    assert to_json(parse(sent)) == {"event": {"name": "Seen", "within": "P7D"}}
    assert to_json(parse({"trait": {"name": "p", "op": "EQ", "value": 1}})) == {
        "trait": {"name": "p", "value": 1}
    }


# ── segments of segments ───────────────────────────────────────────────────────────────────────


def segment(
    key: str, *uses: str, status: SegmentStatus = SegmentStatus.ACTIVE, **rest: Any
) -> Segment:
    rule = {"any": [SEEN, *({"segment": one} for one in uses)]}
    return Segment(key, key, status, 1, rule, 0, 0, **rest)


def refused_uses(key: str, rule: Any, segments: list[Segment]) -> list[tuple[str, str]]:
    with pytest.raises(BadRule) as refused:
        check_uses(key, parse(rule), segments)
    return [(problem.code, ".".join(problem.path)) for problem in refused.value.problems]


def test_a_segment_that_is_not_there_cannot_be_used() -> None:
    known = [segment("a"), segment("gone", status=SegmentStatus.ARCHIVED)]
    check_uses("new", parse({"segment": "a"}), known)
    rule = {"all": [{"segment": "b"}, {"not": {"segment": "a"}}, {"not": {"segment": "gone"}}]}
    assert refused_uses("new", rule, known) == [
        ("UNKNOWN_SEGMENT", "all.0.segment"),
        ("UNKNOWN_SEGMENT", "all.2.not.segment"),
    ]


def test_circles_are_refused_where_they_close() -> None:
    known = [segment("a"), segment("b", "a"), segment("c", "b")]
    assert refused_uses("new", {"segment": "new"}, known) == [("CIRCLE", "segment")]
    rule = {"any": [SEEN, {"segment": "c"}]}
    assert refused_uses("a", rule, known) == [("CIRCLE", "any.1.segment")]
    check_uses("c", parse({"all": [{"segment": "a"}, {"segment": "b"}]}), known)


def test_a_circle_is_named() -> None:
    with pytest.raises(BadRule) as refused:
        sorted_by_use({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert "→" in str(refused.value) and all(key in str(refused.value) for key in "abc")


def test_who_uses_a_segment() -> None:
    known = [
        segment("a"), segment("b", "a"), segment("c", "b"),
        segment("old", "a", status=SegmentStatus.ARCHIVED),
    ]  # fmt: skip
    assert users_of("a", known) == ["b"]
    assert users_of("b", known) == ["c"]
    assert users_of("c", known) == []


def test_each_segment_is_evaluated_behind_those_it_uses() -> None:
    index = SegmentIndex([segment("a", "z"), segment("m", "a"), segment("z"), segment("k")])
    order = list(index.segments)
    assert order.index("z") < order.index("a") < order.index("m") and len(order) == 4


@pytest.mark.parametrize("key", ["a", "0", "_", "-", "a-b_9", "x" * 64])
def test_keys(key: str) -> None:
    assert segment_key(key)


@pytest.mark.parametrize("key", ["", "A", "a b", "ä", "x" * 65, "a\n", None, 5])
def test_other_keys(key: Any) -> None:
    assert not segment_key(key)


# ── which segments an event can change ─────────────────────────────────────────────────────────


def of(key: str, rule: Any, **rest: Any) -> Segment:
    return Segment(key, key, rest.pop("status", SegmentStatus.ACTIVE), 1, rule, 0, 0, **rest)


INDEXED = SegmentIndex(
    [
        of("by_event", {"event": {"name": "Seen", "within": "P1D"}}),
        of("by_count", {"event": {"name": "Seen"}}),
        of("by_sum", {"sum": {"event": "Paid", "property": "v", "gte": 1}}),
        of("by_trait", {"not": {"trait": {"name": "plan", "op": "EXISTS"}}}),
        of("by_namespace", {"identifiers": {"namespace": "email", "gte": 1}}),
        of("by_segment", {"segment": "by_sum"}),
        of("by_both", {"all": [{"segment": "by_segment"}, {"segment": "by_trait"}]}),
        of("archived", {"event": {"name": "Seen"}}, status=SegmentStatus.ARCHIVED),
        of("being_emptied", {"event": {"name": "Left"}}, status=SegmentStatus.ARCHIVED, walked="p"),
    ]
)


@pytest.mark.parametrize(
    ("names", "traits", "namespaces", "expected"),
    [
        (["Seen"], [], [], {"by_event", "by_count"}),
        (["Paid"], [], [], {"by_sum", "by_segment", "by_both"}),
        (["Left"], [], [], {"being_emptied"}),
        ([], ["plan"], [], {"by_trait", "by_both"}),
        ([], [], ["email"], {"by_namespace"}),
        (["Nothing"], ["color"], ["phone"], set()),
        (["seen"], [], [], set()),
        (["Seen"], ["plan"], [], {"by_event", "by_count", "by_both", "by_trait"}),
    ],
)  # fmt: skip
def test_which_segments_can_change(
    names: list[str], traits: list[str], namespaces: list[str], expected: set[str]
) -> None:
    assert INDEXED.affected(names, traits, namespaces) == expected


def test_how_far_back_events_are_read() -> None:
    day = 86_400_000_000
    index = SegmentIndex(
        [
            of("short", {"event": {"name": "Seen", "within": "P1D"}}),
            of("long", {"event": {"name": "Seen", "within": "P7D"}}),
            of("count", {"event": {"name": "Left"}}),
            of("all", {"event": {"name": "Paid", "where": [{"name": "v", "op": "EXISTS"}]}}),
        ]
    )
    assert index.needs(["short", "long"]).events == {"Seen": 7 * day}
    assert index.needs(["short", "long"]).reach(10 * day) == 3 * day
    assert index.needs(["short"]).reach(10 * day) == 9 * day
    # A count over all time stands in the profile: no event is read for it.
    assert index.needs(["count"]).events == {}
    assert index.needs(["short", "all"]).reach(10 * day) < -(1 << 60)
