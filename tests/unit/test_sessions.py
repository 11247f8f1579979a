"""The rule of sessions, case by case (identity.md, "Terms")."""

from __future__ import annotations

import pytest

from graph_schema.model.session import DeviceFacts, Session
from graph_schema.model.tally import Tally
from graph_schema.model.time import HALF_HOUR, MINUTE
from identity.sessions import (
    Sighting,
    Span,
    Step,
    advance,
    around,
    insert,
    owner_of,
    split,
    widened,
)

U1, U2 = "user_id:u1", "user_id:u2"


def seen(*events: tuple[int, str | None]) -> list[Sighting]:
    """(minute, user) in order; the message ids are m0, m1, …"""
    return [Sighting(minute * MINUTE, f"m{n}", user) for n, (minute, user) in enumerate(events)]


def session(start: int, end: int, user: str | None = None, last_mid: str = "m5") -> Session:
    return Session(
        f"s{start}", "anonymous_id:a", user, None, start * MINUTE, end * MINUTE, last_mid,
        DeviceFacts(), Tally(),
    )  # fmt: skip


def test_no_events_are_no_sessions() -> None:
    assert split([]) == []


def test_a_gap_of_exactly_half_an_hour_does_not_end_a_visit() -> None:
    assert split(seen((0, None), (30, None))) == [Span("m0", 2, None)]


def test_a_microsecond_more_ends_it() -> None:
    events = [Sighting(0, "a"), Sighting(HALF_HOUR + 1, "b")]
    assert split(events) == [Span("a", 1, None), Span("b", 1, None)]


def test_the_gap_is_a_setting() -> None:
    assert split(seen((0, None), (5, None)), 4 * MINUTE) == [
        Span("m0", 1, None),
        Span("m1", 1, None),
    ]


def test_what_precedes_the_first_login_belongs_to_it() -> None:
    assert split(seen((0, None), (1, None), (2, U1), (3, None))) == [Span("m0", 4, U1)]


def test_a_login_does_not_reach_into_the_visit_before() -> None:
    assert split(seen((0, None), (31, U1))) == [Span("m0", 1, None), Span("m1", 1, U1)]


def test_another_user_begins_a_session_within_the_visit() -> None:
    events = seen((0, None), (1, U1), (2, None), (3, U2), (4, None), (5, U1))
    assert split(events) == [Span("m0", 3, U1), Span("m3", 2, U2), Span("m5", 1, U1)]


def test_a_new_visit_does_not_remember_the_user() -> None:
    assert split(seen((0, U1), (60, None))) == [Span("m0", 1, U1), Span("m1", 1, None)]


@pytest.mark.parametrize(
    ("last", "minute", "user", "step"),
    [
        (None, 0, None, Step.NEW_VISIT),
        (session(0, 10), 41, U1, Step.NEW_VISIT),
        (session(0, 10), 40, None, Step.APPEND),
        (session(0, 10), 40, U1, Step.APPEND_AND_NAME_USER),
        (session(0, 10, U1), 11, U1, Step.APPEND),
        (session(0, 10, U1), 11, None, Step.APPEND),
        (session(0, 10, U1), 11, U2, Step.NEW_SESSION_IN_VISIT),
        (session(0, 10), 9, None, Step.LATE),
        (session(100, 110), 0, None, Step.LATE),
        (session(0, 10, last_mid="m9"), 10, None, Step.LATE),
        (session(0, 10, last_mid="m0"), 10, None, Step.APPEND),
    ],
)
def test_advance(last: Session | None, minute: int, user: str | None, step: Step) -> None:
    assert advance(last, Sighting(minute * MINUTE, "m5x", user)) is step


def test_reach_of_a_late_event_is_a_gap_on_either_side() -> None:
    assert around(100 * MINUTE, 120 * MINUTE) == (70 * MINUTE, 150 * MINUTE)


def test_reach_grows_over_whole_visits_and_then_rests() -> None:
    reach = around(100 * MINUTE, 100 * MINUTE)
    wider = widened(reach, [session(60, 80), session(120, 125)])
    assert wider == (30 * MINUTE, 155 * MINUTE)
    assert widened(wider, [session(60, 80), session(120, 125)]) == wider


def test_reach_of_nothing_found_rests() -> None:
    assert widened((1, 2), []) == (1, 2)


@pytest.mark.parametrize(
    ("device", "user", "kept_apart", "owner"),
    [
        ("anonymous_id:a", U1, False, U1),
        ("anonymous_id:a", None, False, "anonymous_id:a"),
        ("anonymous_id:a", U1, True, "anonymous_id:a"),
        (U1, U1, False, U1),
        (None, None, False, None),
    ],
)
def test_owner(device: str | None, user: str | None, kept_apart: bool, owner: str | None) -> None:
    assert owner_of(device, user, kept_apart) == owner


@pytest.mark.parametrize(
    ("user", "late", "step"),
    [
        (None, None, Step.APPEND),
        (U1, None, Step.APPEND),
        (U1, U1, Step.APPEND),
        (None, U1, Step.APPEND_AND_NAME_USER),
        (U1, U2, Step.LATE),
    ],
)
def test_a_late_event_inside_a_session(user: str | None, late: str | None, step: Step) -> None:
    assert insert(session(0, 10, user), Sighting(5 * MINUTE, "m9", late)) is step


@pytest.mark.parametrize(
    ("at", "mid", "step"),
    [
        (0, "s", Step.LATE),  # it would give the session another id
        (0, "s01", Step.APPEND),
        (10 * MINUTE, "m4", Step.APPEND),
        (10 * MINUTE, "m6", Step.LATE),
        (11 * MINUTE, "m4", Step.LATE),
    ],
)
def test_inside_is_behind_the_first_event_and_before_the_last(
    at: int, mid: str, step: Step
) -> None:
    assert insert(session(0, 10), Sighting(at, mid)) is step
