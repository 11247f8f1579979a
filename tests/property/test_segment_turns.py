"""A rule's answer against a naive oracle, and `turns_at`: until then nothing changes, then it does."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.segments.errors import BadRule
from cdp.segments.evaluate import evaluate
from cdp.segments.parse import parse
from cdp.segments.write import to_json
from graph_schema.model.tally import NameTally
from graph_schema.model.time import SECOND

NOW = 1_000_000 * SECOND


class Seen(NamedTuple):
    at: int
    mid: str
    name: str
    properties: dict[str, Any]


class View:
    def __init__(self, events: list[Seen], traits: dict[str, Any]) -> None:
        self._events = sorted(events)
        self.traits = traits
        self.namespaces = {"email": len(traits)}
        self.segments: set[str] = set()
        self.names = {}
        for event in self._events:
            known = self.names.setdefault(event.name, NameTally(0, event.at, event.at))
            known.count += 1

    def events(self, name: str) -> list[Seen]:
        return [event for event in self._events if event.name == name]


amounts = st.one_of(st.integers(-5, 5), st.sampled_from([0.1, "0.2", "x", True, None]))
events = st.lists(
    st.builds(
        Seen,
        st.integers(-40, 10).map(lambda s: NOW + s * SECOND),
        st.uuids().map(str),
        st.sampled_from(["a", "b"]),
        st.fixed_dictionaries({"v": amounts}),
    ),
    max_size=8,
)
seconds = st.integers(1, 30).map(lambda s: f"PT{s}S")
ranges = st.one_of(
    st.builds(lambda n: {"gte": n}, st.integers(0, 3)),
    st.builds(lambda n: {"lte": n}, st.integers(0, 3)),
)
names = st.sampled_from(["a", "b"])
tests_ = st.builds(
    lambda op, value: [{"name": "v", "op": op, "value": value}],
    st.sampled_from(["EQ", "NE", "GT"]),
    st.integers(-2, 2),
)
leaves = st.one_of(
    st.builds(
        lambda n, c, w: {"event": {"name": n, "count": c, "within": w}}, names, ranges, seconds
    ),
    st.builds(lambda n, c: {"event": {"name": n, "count": c}}, names, ranges),
    st.builds(
        lambda n, t, w: {"event": {"name": n, "where": t, "within": w}}, names, tests_, seconds
    ),
    st.builds(
        lambda n, c, w: {"sum": {"event": n, "property": "v", "within": w, **c}},
        names,
        ranges,
        seconds,
    ),
    st.just({"trait": {"name": "plan", "value": "pro"}}),
    st.just({"identifiers": {"namespace": "email", "gte": 1}}),
)
rules = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=5,
)
views = st.builds(View, events, st.sampled_from([{}, {"plan": "pro"}, {"plan": "free"}]))


def oracle(rule: dict[str, Any], view: View, now: int) -> bool:
    """The definition, written down again with nothing shared but the parser of durations."""
    ((kind, inner),) = rule.items()
    if kind == "all":
        return all(oracle(part, view, now) for part in inner)
    if kind == "any":
        return any(oracle(part, view, now) for part in inner)
    if kind == "not":
        return not oracle(inner, view, now)
    if kind == "trait":
        return view.traits.get("plan") == "pro"
    if kind == "identifiers":
        return len(view.traits) >= 1
    found = view.events(inner.get("name") or inner["event"])
    if "within" in inner:
        back = int(inner["within"][2:-1]) * SECOND
        found = [event for event in found if now - back < event.at <= now]
    for test in inner.get("where", ()):
        found = [event for event in found if passes(test, event.properties["v"])]
    bounds = inner.get("count", {"gte": 1}) if kind == "event" else inner
    value = len(found) * 10 if kind == "event" else sum(tenths(e.properties["v"]) for e in found)
    return bounds.get("gte", -(10**9)) * 10 <= value <= bounds.get("lte", 10**9) * 10


def passes(test: dict[str, Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    wanted = test["value"]
    return {"EQ": value == wanted, "NE": value != wanted, "GT": value > wanted}[test["op"]]


def tenths(value: Any) -> int:
    return (
        {0.1: 1, "0.2": 2}.get(value, 0)
        if not isinstance(value, int)
        else (0 if isinstance(value, bool) else value * 10)
    )


@given(rules, views)
@settings(max_examples=400)
def test_the_answer_is_the_oracles_and_turns_when_it_says(rule: dict[str, Any], view: View) -> None:
    tree = parse(rule)
    verdict = evaluate(tree, view, NOW)
    assert verdict.holds == oracle(rule, view, NOW)
    end = verdict.turns_at or NOW + 60 * SECOND
    moments = [*range(NOW, end, SECOND), end - 1]
    assert {oracle(rule, view, at) for at in moments} == {verdict.holds}
    if verdict.turns_at is not None:
        assert oracle(rule, view, verdict.turns_at) != verdict.holds


@given(rules)
def test_a_rule_reads_back_as_itself(rule: dict[str, Any]) -> None:
    tree = parse(rule)
    assert parse(to_json(tree)) == tree


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["all", "any", "not", "trait", "event", "sum", "segment", "identifiers", "name", "op",
                 "value", "as", "count", "within", "where", "gte", "lte", "since", "property"]
            ),
            inner, max_size=4,
        ),
    ),
    max_leaves=12,
)  # fmt: skip


@given(json_values)
@settings(max_examples=500)
def test_any_json_is_a_rule_or_a_list_of_mistakes(value: Any) -> None:
    try:
        tree = parse(value)
    except BadRule as error:
        assert error.problems and all(p.code and p.message for p in error.problems)
    else:
        assert parse(to_json(tree)) == tree
