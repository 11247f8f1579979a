"""Windows, durations, and the moment at which an answer turns (segments.md)."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from rule_views import Happened, View, holds, judged

from cdp.segments.durations import format_duration, parse_duration
from cdp.segments.errors import BadRule
from cdp.segments.parse import parse
from graph_schema.model.time import DAY, HOUR, MINUTE, SECOND, from_iso, to_iso

NOW = from_iso("2026-11-10T12:00:00Z")


def seen(*times: int, name: str = "Seen", **properties: Any) -> list[Happened]:
    return [Happened(at, f"m{at}", name, properties) for at in times]


def within(duration: str, **count: int) -> dict[str, Any]:
    rule: dict[str, Any] = {"name": "Seen", "within": duration}
    return {"event": rule | ({"count": count} if count else {})}


# ── (now - within, now] ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (NOW - HOUR - 1, False),
        (NOW - HOUR, False),
        (NOW - HOUR + 1, True),
        (NOW - 1, True),
        (NOW, True),
        (NOW + 1, False),
    ],
)
def test_within_leaves_out_its_begin_and_takes_in_now(at: int, expected: bool) -> None:
    view = View(seen(at))
    assert holds(within("PT1H"), view, NOW) is expected
    assert holds({"sum": {"event": "Seen", "property": "v", "gte": 1, "within": "PT1H"}},
                 View(seen(at, v=1)), NOW) is expected  # fmt: skip


@pytest.mark.parametrize(
    ("at", "expected"),
    [(9, False), (10, True), (19, True), (20, False)],
)
def test_since_is_taken_in_and_until_left_out(at: int, expected: bool) -> None:
    since, until = (to_iso(NOW + s * SECOND) for s in (10, 20))
    rule = {"event": {"name": "Seen", "since": since, "until": until}}
    assert holds(rule, View(seen(NOW + at * SECOND)), NOW) is expected
    assert holds({"event": {"name": "Seen", "since": since}}, View(seen(NOW + at * SECOND))) is (
        at >= 10
    )
    assert holds({"event": {"name": "Seen", "until": until}}, View(seen(NOW + at * SECOND))) is (
        at < 20
    )


def test_bounds_are_kept_to_the_microsecond() -> None:
    rule = {"event": {"name": "Seen", "since": "2026-11-10T12:00:00.000001Z"}}
    assert not holds(rule, View(seen(NOW)), NOW)
    assert holds(rule, View(seen(NOW + 1)), NOW)


def test_both_kinds_of_window_must_take_the_event() -> None:
    rule = {"event": {"name": "Seen", "within": "PT1H", "since": to_iso(NOW - MINUTE)}}
    assert holds(rule, View(seen(NOW - MINUTE)), NOW)
    assert not holds(rule, View(seen(NOW - 2 * MINUTE)), NOW)
    assert not holds(rule, View(seen(NOW - MINUTE)), NOW + HOUR)


def test_a_window_without_time_never_turns() -> None:
    for rule in (
        {"event": {"name": "Seen"}},
        {"event": {"name": "Seen", "since": to_iso(NOW), "until": to_iso(NOW + DAY)}},
        {"sum": {"event": "Seen", "property": "v", "lte": 0}},
        {"trait": {"name": "plan", "op": "EXISTS"}},
        {"identifiers": {"namespace": "email", "gte": 1}},
        {"segment": "s"},
    ):
        assert judged(rule, View(seen(NOW)), NOW).turns_at is None


# ── when it turns ──────────────────────────────────────────────────────────────────────────────


def test_it_turns_when_the_event_that_makes_the_difference_leaves() -> None:
    view = View(seen(NOW - 50 * MINUTE, NOW - 30 * MINUTE, NOW - 10 * MINUTE))
    assert judged(within("PT1H"), view, NOW).turns_at == NOW + 50 * MINUTE
    assert judged(within("PT1H", gte=2), view, NOW).turns_at == NOW + 30 * MINUTE
    assert judged(within("PT1H", gte=3), view, NOW).turns_at == NOW + 10 * MINUTE
    assert judged(within("PT1H", lte=2), view, NOW) == judged(
        {"not": within("PT1H", gte=3)}, view, NOW
    )
    assert judged(within("PT1H", lte=0), view, NOW).turns_at == NOW + 50 * MINUTE


def test_the_answer_at_that_moment_is_the_other_one() -> None:
    view = View(seen(NOW - 50 * MINUTE))
    turns_at = judged(within("PT1H"), view, NOW).turns_at
    assert turns_at is not None
    assert holds(within("PT1H"), view, turns_at - 1)
    assert not holds(within("PT1H"), view, turns_at)


def test_an_event_of_the_future_counts_when_its_time_has_come() -> None:
    view = View(seen(NOW + MINUTE))
    before = judged(within("PT1H"), view, NOW)
    assert not before.holds and before.turns_at == NOW + MINUTE
    after = judged(within("PT1H"), view, NOW + MINUTE)
    assert after.holds and after.turns_at == NOW + MINUTE + HOUR


def test_a_part_that_turns_without_turning_the_whole_is_passed_over() -> None:
    view = View(seen(NOW - 50 * MINUTE), traits={"plan": "gold"})
    gold = {"trait": {"name": "plan", "value": "gold"}}
    assert judged({"any": [gold, within("PT1H")]}, view, NOW).turns_at is None
    assert judged({"all": [gold, within("PT1H")]}, view, NOW).turns_at == NOW + 10 * MINUTE


def test_the_least_turn_of_several_parts() -> None:
    view = View(seen(NOW - 50 * MINUTE) + seen(NOW - 20 * MINUTE, name="Left"))
    left = {"event": {"name": "Left", "within": "PT30M"}}
    assert judged({"all": [within("PT2H"), left]}, view, NOW).turns_at == NOW + 10 * MINUTE
    both = {"any": [within("PT1H"), left]}
    assert judged(both, view, NOW).turns_at == NOW + 10 * MINUTE  # both leave in that minute


@pytest.mark.parametrize(
    ("op", "since_holds", "turns"),
    [
        ("GT", False, None), ("GTE", False, None), ("LT", True, None), ("LTE", True, None),
    ],
)  # fmt: skip
def test_a_trait_older_than_the_time_back(op: str, since_holds: bool, turns: int | None) -> None:
    """Signed up longer ago than 30 days: that never changes again."""
    view = View(traits={"signed_up": to_iso(NOW - 31 * DAY)})
    rule = {"trait": {"name": "signed_up", "op": op, "value": "-P30D", "as": "DATETIME"}}
    verdict = judged(rule, view, NOW)
    assert (verdict.holds, verdict.turns_at) == (since_holds, turns)


def test_a_trait_newer_than_the_time_back_turns_when_it_has_aged() -> None:
    view = View(traits={"signed_up": to_iso(NOW - 29 * DAY)})
    rule = {"trait": {"name": "signed_up", "op": "GTE", "value": "-P30D", "as": "DATETIME"}}
    verdict = judged(rule, view, NOW)
    # At NOW + 1 day both are equal, and GTE still holds; a microsecond later it does not.
    assert (verdict.holds, verdict.turns_at) == (True, NOW + DAY + 1)
    rule["trait"]["op"] = "GT"
    assert judged(rule, view, NOW).turns_at == NOW + DAY


def test_evaluating_changes_nothing_and_gives_the_same_again() -> None:
    view = View(seen(NOW - MINUTE, v=1), {"plan": "gold"}, {"email": 1}, {"s"})
    rule = {"all": [within("PT1H"), {"not": {"segment": "t"}}, {"segment": "s"}]}
    before = deepcopy(vars(view))
    assert judged(rule, view, NOW) == judged(rule, view, NOW)
    assert vars(view) == before


# ── durations ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P7D", 7 * DAY),
        ("P2W", 14 * DAY),
        ("PT10M", 10 * MINUTE),
        ("PT36H", 36 * HOUR),
        ("P1DT12H", 36 * HOUR),
        ("PT90S", 90 * SECOND),
        ("P1W1DT1H1M1S", 8 * DAY + HOUR + MINUTE + SECOND),
        ("P36500D", 36_500 * DAY),
    ],
)
def test_durations_have_a_fixed_length(text: str, length: int) -> None:
    assert parse_duration(text) == length
    assert parse_duration(f"-{text}") == -length
    assert parse_duration(format_duration(length)) == length


@pytest.mark.parametrize(
    "text",
    ["P1M", "P1Y", "P1Y2D", "P2W1M", "", "P", "PT", "7D", "P-7D", "PT0S", "P0D", "P36501D", "PT1.5H",
     "p7d", " P7D", "P7D ", "P1D12H", "P٧D", 7, 7.5, True, ["P7D"], {}],
)  # fmt: skip
def test_other_durations_are_refused_where_they_stand(text: Any) -> None:
    with pytest.raises(BadRule) as refused:
        parse({"all": [{"event": {"name": "Seen", "within": text}}]})
    (problem,) = refused.value.problems
    assert (problem.code, problem.path) == ("BAD_DURATION", ("all", "0", "event", "within"))


def test_months_and_years_are_refused_with_the_reason() -> None:
    for text in ("P1M", "P1Y", "P2W1M"):
        with pytest.raises(BadRule) as refused:
            parse({"event": {"name": "Seen", "within": text}})
        assert "months and years have no fixed length" in refused.value.problems[0].message
