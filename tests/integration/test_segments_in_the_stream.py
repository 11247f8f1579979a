"""Segments while events flow (segments.md): who is in, since when, why, and when that ends. On every
kind of graph store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from graphs import IDS, START, Installation, broken, event, opened
from stores import Place

from cdp.collector.recording import Recorder
from cdp.eventlog.memory import MemoryEventLog
from cdp.pipeline import upkeep, worker
from graph_schema.model.change import FeedEntry, MembershipChange
from graph_schema.model.command import ArchiveSegment, CreateSegment, UpdateSegment
from graph_schema.model.event import EventType
from graph_schema.model.record import LogRecord
from graph_schema.model.rules import IdentityRules
from graph_schema.model.segment import Membership, MembershipCause, SegmentStatus
from graph_schema.model.time import DAY, HOUR, MINUTE
from graph_schema.store import Span

BOUGHT: dict[str, Any] = {"event": {"name": "Order Completed"}}
WEEK: dict[str, Any] = {"event": {"name": "Seen", "within": "P7D"}}
ALL = Span(1000)


class Busy(MemoryEventLog):
    """Once it is `busy`, more has come before each step of the worker."""

    busy = False
    steps = 0

    async def read(self, *asked: Any) -> list[LogRecord]:
        number, self.steps = self.steps, self.steps + self.busy
        if self.busy and number < 9:
            again = event(f"again{number}", 100 + number, user=f"u{number}", name="Order Completed")
            new = event(f"new{number}", 100 + number, user=f"n{number}", name="Order Completed")
            recorder = Recorder(IdentityRules(), 1)
            await self.append([recorder.record_of(again), recorder.record_of(new)])
        return await super().read(*asked)


@pytest.fixture
async def graph(place: Place) -> AsyncIterator[Installation]:
    """Whatever a test does, the walk of `cdp check` finds the memberships a fresh evaluation gives."""
    log = Busy(lambda: found.clock)
    async with opened(place.store(), log=log) as found:
        found.clock = START
        yield found
        await found.work()
        assert broken(await found.check()) == {}


async def make(graph: Installation, key: str, rule: dict[str, Any]) -> None:
    await graph.ask(CreateSegment(id=f"c-{key}", actor="ann", at=0, key=key, name=key, rule=rule))


def user(name: str) -> str:
    return IDS.of(f"user_id:{name}")


async def memberships(graph: Installation, profile: str) -> dict[str, Membership]:
    (page,) = await graph.store.membership_pages([profile], ALL)
    return {one.segment: one for one in page.items}


async def members(graph: Installation, segment: str) -> set[str]:
    return {one.profile_id for one in (await graph.store.member_page(segment, "ID", ALL)).items}


async def told(graph: Installation) -> list[MembershipChange]:
    return [entry.change for entry in await _entries(graph)]


async def _entries(graph: Installation) -> list[FeedEntry]:
    feed = await graph.store.changes((), 10_000)
    found = [entry for entry in feed if isinstance(entry.change, MembershipChange)]
    return sorted(found, key=lambda entry: (entry.rec, entry.partition, entry.seq))


async def deadline(graph: Installation, profile: str) -> int | None:
    (found,) = await graph.store.profiles_by_ids([profile])
    assert found is not None
    return found.deadline


async def status(graph: Installation, key: str) -> tuple[SegmentStatus, str | None]:
    (found,) = await graph.store.segments_by_keys([key])
    assert found is not None
    return found.status, found.walked


# ── entering and leaving ───────────────────────────────────────────────────────────────────────


async def test_an_event_brings_in_and_says_which_it_was(graph: Installation) -> None:
    await make(graph, "buyers", BOUGHT)
    await graph.take(event("m1", 0, user="u1"))
    await graph.work()
    assert await memberships(graph, user("u1")) == {}
    await graph.take(event("m2", 1, user="u1", name="Order Completed"))
    await graph.take(event("m3", 2, user="u1", name="Order Completed"))
    await graph.work()
    (change,) = await told(graph)
    assert (change.segment, change.profile_id, change.entered) == ("buyers", user("u1"), True)
    assert change.cause is MembershipCause.EVENT and change.event == "m3"
    membership = (await memberships(graph, user("u1")))["buyers"]
    assert (membership.since, membership.version) == (change.at, 1)
    assert membership.cause is MembershipCause.EVENT


async def test_since_is_when_it_was_recorded_not_when_it_happened(graph: Installation) -> None:
    await make(graph, "buyers", BOUGHT)
    await graph.work()
    graph.clock = START + 40 * DAY
    await graph.take(event("m1", 0, user="u1", name="Order Completed"))
    await graph.work()
    (stored,) = await graph.store.events_by_ids(["m1"])
    assert stored is not None
    membership = (await memberships(graph, user("u1")))["buyers"]
    assert membership.since == stored.rec >= START + 40 * DAY


async def test_a_trait_brings_in_and_takes_out(graph: Installation) -> None:
    await make(graph, "gold", {"trait": {"name": "plan", "value": "gold"}})
    for number, plan in enumerate(("gold", "gold", "silver", "gold", None)):
        traits = {"plan": plan}
        await graph.take(
            event(f"m{number}", number, user="u1", kind=EventType.IDENTIFY, traits=traits)
        )
        await graph.work()
    assert [change.entered for change in await told(graph)] == [True, False, True, False]
    assert [change.event for change in await told(graph)] == ["m0", "m2", "m3", "m4"]


async def test_an_older_trait_that_comes_late_changes_nothing(graph: Installation) -> None:
    await make(graph, "gold", {"trait": {"name": "plan", "value": "gold"}})
    await graph.take(event("m1", 9, user="u1", kind=EventType.IDENTIFY, traits={"plan": "gold"}))
    await graph.work()
    await graph.take(event("m2", 1, user="u1", kind=EventType.IDENTIFY, traits={"plan": "no"}))
    await graph.work()
    assert [change.entered for change in await told(graph)] == [True]


# ── time ───────────────────────────────────────────────────────────────────────────────────────


async def test_time_alone_takes_out(graph: Installation) -> None:
    await make(graph, "active", WEEK)
    await graph.take(event("m1", 0, user="u1", name="Seen"))
    await graph.work()
    assert await deadline(graph, user("u1")) == START + 7 * DAY
    graph.clock = START + 7 * DAY - 1
    await graph.work()
    assert await members(graph, "active") == {user("u1")}
    graph.clock = START + 7 * DAY
    await graph.work()
    assert await members(graph, "active") == set()
    assert await deadline(graph, user("u1")) is None
    change = (await told(graph))[-1]
    assert (change.entered, change.cause, change.event) == (False, MembershipCause.TIME, None)
    assert change.at >= START + 7 * DAY


async def test_time_alone_brings_in(graph: Installation) -> None:
    await make(graph, "lapsed", {"all": [{"event": {"name": "Seen"}}, {"not": WEEK}]})
    await graph.take(event("m1", 0, user="u1", name="Seen"))
    await graph.work()
    assert await members(graph, "lapsed") == set()
    graph.clock = START + 7 * DAY
    await graph.work()
    assert await members(graph, "lapsed") == {user("u1")}


async def test_looking_again_at_who_is_due_changes_nothing_more(graph: Installation) -> None:
    await make(graph, "active", WEEK)
    await graph.take(event("m1", 0, user="u1", name="Seen"))
    await graph.work()
    graph.clock = START + 8 * DAY
    await graph.work()
    before = await _entries(graph)
    for _ in range(3):
        await graph.work()
    assert await _entries(graph) == before and len(before) == 2


async def test_the_deadline_is_the_least_of_all_segments(graph: Installation) -> None:
    await make(graph, "week", WEEK)
    await make(graph, "hour", {"event": {"name": "Seen", "within": "PT1H"}})
    await make(graph, "left", {"event": {"name": "Left", "within": "P1D"}})
    await graph.take(event("m1", 0, user="u1", name="Seen"))
    await graph.work()
    assert await deadline(graph, user("u1")) == START + HOUR
    # An event that can change only one segment leaves the others' deadline.
    graph.clock = START + MINUTE
    await graph.take(event("m2", 1, user="u1", name="Left"))
    await graph.work()
    assert await deadline(graph, user("u1")) == START + HOUR
    graph.clock = START + HOUR
    await graph.work()
    assert await deadline(graph, user("u1")) == START + MINUTE + DAY
    assert set(await memberships(graph, user("u1"))) == {"week", "left"}


async def test_who_is_due_is_looked_at_within_a_second() -> None:
    assert worker.LONGEST_WAIT_S < 1


async def test_a_late_event_counts_where_its_time_says(graph: Installation) -> None:
    await make(graph, "active", WEEK)
    graph.clock = START + 6 * DAY
    await graph.take(event("late", 0, user="u1", name="Seen"))
    await graph.work()
    assert await members(graph, "active") == {user("u1")}
    assert await deadline(graph, user("u1")) == START + 7 * DAY
    graph.clock = START + 8 * DAY
    await graph.take(event("too late", 1, user="u2", name="Seen"))
    await graph.work()
    assert await members(graph, "active") == set()


async def test_an_event_of_the_future_counts_from_then_on(graph: Installation) -> None:
    await make(graph, "active", WEEK)
    await graph.take(event("m1", 10, user="u1", name="Seen"))
    await graph.work()
    assert await members(graph, "active") == set()
    graph.clock = START + 10 * MINUTE
    await graph.work()
    assert await members(graph, "active") == {user("u1")}


# ── the empty profile ──────────────────────────────────────────────────────────────────────────


async def test_a_new_profile_starts_with_what_holds_of_an_empty_one(graph: Installation) -> None:
    await make(graph, "no buyers", {"not": BOUGHT})
    await make(graph, "nobuyers", {"not": BOUGHT})
    await graph.work()
    await graph.take(event("m1", 0, user="u1", name="Anything"))
    await graph.work()
    assert set(await memberships(graph, user("u1"))) == {"nobuyers"}
    (outcome,) = await graph.store.outcomes(["c-no buyers"])
    assert outcome is not None and (outcome.problem, outcome.path) == ("BAD_KEY", ("key",))
    await graph.take(event("m2", 1, user="u1", name="Order Completed"))
    await graph.work()
    assert await memberships(graph, user("u1")) == {}


# ── identity ───────────────────────────────────────────────────────────────────────────────────


async def test_a_change_of_identity_looks_at_all_segments(graph: Installation) -> None:
    await make(graph, "two", {"event": {"name": "Seen", "count": {"gte": 2}}})
    await make(graph, "devices", {"identifiers": {"namespace": "anonymous_id", "gte": 1}})
    await graph.take(
        event("m1", 0, anonymous="a1", name="Seen"), event("m2", 90, user="u1", name="Seen")
    )
    await graph.work()
    assert await members(graph, "two") == set()
    assert await members(graph, "devices") == {IDS.of("anonymous_id:a1")}
    # The login's own name is in no rule; what it joins is.
    await graph.take(event("m3", 200, anonymous="a1", user="u1", name="Login"))
    await graph.work()
    assert await members(graph, "two") == await members(graph, "devices") == {user("u1")}
    entered = [c for c in await told(graph) if c.segment == "two"]
    assert [c.cause for c in entered] == [MembershipCause.IDENTITY]


async def test_over_a_merge_the_earliest_membership_is_kept_and_nobody_leaves(
    graph: Installation,
) -> None:
    await make(graph, "buyers", BOUGHT)
    await graph.take(event("m1", 0, anonymous="a1", name="Order Completed"))
    await graph.work()
    graph.clock += DAY
    await graph.take(event("m2", 5, user="u1", name="Order Completed"))
    await graph.work()
    first = (await memberships(graph, IDS.of("anonymous_id:a1")))["buyers"]
    second = (await memberships(graph, user("u1")))["buyers"]
    assert first.since < second.since
    before = await _entries(graph)
    await graph.take(event("m3", 90, anonymous="a1", user="u1", name="Login"))
    await graph.work()
    assert await members(graph, "buyers") == {user("u1")}
    assert (await memberships(graph, user("u1")))["buyers"].since == first.since
    assert await _entries(graph) == before


# ── segments of segments ───────────────────────────────────────────────────────────────────────


async def test_nested_segments_follow_in_the_same_transaction(graph: Installation) -> None:
    await make(graph, "z", BOUGHT)
    await make(graph, "m", {"segment": "z"})
    await make(graph, "a", {"not": {"segment": "m"}})
    await graph.take(event("m1", 0, user="u1", name="Seen"))
    await graph.work()
    assert set(await memberships(graph, user("u1"))) == {"a"}
    await graph.take(event("m2", 1, user="u1", name="Order Completed"))
    await graph.work()
    assert set(await memberships(graph, user("u1"))) == {"m", "z"}
    entries = (await _entries(graph))[-3:]
    assert [(e.change.segment, e.change.entered) for e in entries] == [
        ("z", True), ("m", True), ("a", False),
    ]  # fmt: skip
    assert len({e.rec for e in entries}) == 1


async def test_time_turns_nested_segments_too(graph: Installation) -> None:
    await make(graph, "active", WEEK)
    await make(
        graph, "quiet", {"all": [{"event": {"name": "Seen"}}, {"not": {"segment": "active"}}]}
    )
    await graph.take(event("m1", 0, user="u1", name="Seen"))
    await graph.work()
    assert set(await memberships(graph, user("u1"))) == {"active"}
    graph.clock = START + 7 * DAY
    await graph.work()
    assert set(await memberships(graph, user("u1"))) == {"quiet"}


async def test_what_is_used_is_not_archived_and_circles_are_not_closed(graph: Installation) -> None:
    await make(graph, "inner", BOUGHT)
    await make(graph, "outer", {"any": [WEEK, {"segment": "inner"}]})
    ask = {"actor": "ann", "at": 0}
    await graph.ask(
        ArchiveSegment(id="1", key="inner", **ask),
        UpdateSegment(id="2", key="inner", rule={"any": [BOUGHT, {"segment": "outer"}]}, **ask),
        UpdateSegment(id="3", key="inner", rule={"segment": "nowhere"}, **ask),
        ArchiveSegment(id="4", key="outer", **ask),
        ArchiveSegment(id="5", key="inner", **ask),
        CreateSegment(id="6", key="again", name="x", rule={"segment": "inner"}, **ask),
        CreateSegment(id="7", key="inner", name="x", rule=BOUGHT, **ask),
    )
    await graph.work()
    outcomes = await graph.store.outcomes([str(number) for number in range(1, 8)])
    assert [(o.problem, ".".join(o.path)) if o else None for o in outcomes] == [
        ("IN_USE", "key"),
        ("BAD_RULE", "rule.any.1.segment"),
        ("BAD_RULE", "rule.segment"),
        ("", ""),
        ("", ""),
        ("BAD_RULE", "rule.segment"),
        ("KEY_TAKEN", "key"),
    ]


# ── filling ────────────────────────────────────────────────────────────────────────────────────


async def crowd(graph: Installation, count: int = 9) -> None:
    await graph.take(
        *(event(f"m{n}", n, user=f"u{n}", name="Order Completed") for n in range(count))
    )
    await graph.work()


async def test_those_who_are_there_are_entered_by_the_walk(graph: Installation) -> None:
    await crowd(graph)
    await make(graph, "buyers", BOUGHT)
    await graph.work()
    assert await status(graph, "buyers") == (SegmentStatus.ACTIVE, None)
    assert await members(graph, "buyers") == {user(f"u{n}") for n in range(9)}
    changes = await told(graph)
    assert {change.cause for change in changes} == {MembershipCause.BACKFILL}
    assert {change.event for change in changes} == {None}
    assert len(changes) == 9


async def test_events_and_the_walk_leave_no_gap_and_enter_nobody_twice(
    graph: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two chunks one is touched who was walked or will be, and a new one comes."""
    await crowd(graph)
    await make(graph, "buyers", BOUGHT)
    monkeypatch.setattr(upkeep, "CHUNK", 2)
    assert isinstance(graph.log, Busy)
    graph.log.busy = True
    await graph.work()
    assert graph.log.steps > 9
    assert await status(graph, "buyers") == (SegmentStatus.ACTIVE, None)
    expected = {user(f"{letter}{n}") for letter in "un" for n in range(9)}
    assert await members(graph, "buyers") == expected
    changes = await told(graph)
    assert len(changes) == len(expected)
    assert {change.profile_id for change in changes} == expected
    assert {change.entered for change in changes} == {True}
    causes = {change.profile_id: change.cause for change in changes}
    assert {causes[user(f"n{n}")] for n in range(9)} == {MembershipCause.EVENT}
    assert {causes[user(f"u{n}")] for n in range(9)} == {
        MembershipCause.EVENT, MembershipCause.BACKFILL,
    }  # fmt: skip


async def test_a_new_version_moves_only_those_for_whom_the_answer_is_another(
    graph: Installation,
) -> None:
    await crowd(graph, 3)
    await graph.take(event("s", 50, user="u0", name="Seen"), event("t", 50, user="v", name="Seen"))
    await make(graph, "s", BOUGHT)
    await graph.work()
    before = await memberships(graph, user("u0"))
    known = len(await told(graph))
    update = UpdateSegment(
        id="2", actor="ann", at=0, key="s", rule={"event": {"name": "Seen"}}, expected_version=1
    )
    await graph.ask(update)
    await graph.work()
    assert await members(graph, "s") == {user("u0"), user("v")}
    assert await memberships(graph, user("u0")) == before
    changes = (await told(graph))[known:]
    assert {(c.profile_id, c.entered) for c in changes} == {
        (user("u1"), False), (user("u2"), False), (user("v"), True),
    }  # fmt: skip
    assert {c.cause for c in changes} == {MembershipCause.RULE}
    (versions,) = await graph.store.segment_versions(["s"])
    assert [(v.version, v.rule) for v in versions] == [
        (2, {"event": {"name": "Seen"}}),
        (1, BOUGHT),
    ]


async def test_users_of_a_segment_follow_its_new_version(graph: Installation) -> None:
    await crowd(graph, 2)
    await make(graph, "inner", BOUGHT)
    await make(graph, "outer", {"not": {"segment": "inner"}})
    await graph.work()
    assert await members(graph, "outer") == set()
    await graph.ask(UpdateSegment(id="2", actor="ann", at=0, key="inner", rule=WEEK))
    await graph.work()
    assert await members(graph, "inner") == set()
    assert await members(graph, "outer") == {user("u0"), user("u1")}


async def test_an_archived_segment_is_emptied(graph: Installation) -> None:
    await crowd(graph, 3)
    await make(graph, "buyers", BOUGHT)
    await graph.work()
    await graph.ask(ArchiveSegment(id="2", actor="ann", at=0, key="buyers"))
    await graph.work()
    assert await status(graph, "buyers") == (SegmentStatus.ARCHIVED, None)
    assert await members(graph, "buyers") == set()
    assert [c.entered for c in await told(graph)] == [True] * 3 + [False] * 3
    assert {c.cause for c in (await told(graph))[3:]} == {MembershipCause.RULE}
    await graph.take(event("more", 99, user="u0", name="Order Completed"))
    await graph.work()
    assert await members(graph, "buyers") == set()
