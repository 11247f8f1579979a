"""The randomised differential: stores that are given the same answer the same, whatever is asked.

Hypothesis makes a history: events through the real pipeline, in and out of order and twice, commands
of people, segments, catalogues, and time that passes. It is played on two stores, and every read of
the protocol is compared, after each round of work.

Two stores of different kinds are worked in the same batches: all their answers must be equal. Two of
one kind are worked in different batches: what does not depend on when it was looked at must be equal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, TypeAlias

import msgspec
import pytest
from asked import Recording, methods
from examples import how_many, timed
from graph_values import LOG, commit, person, visit
from graphs import START, Installation, event, opened
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snapshots import batch_snapshot, differing, known_of, snapshot, timeless
from stores import KINDS, SQLITE, Kind

from cdp.eventlog.memory import MemoryEventLog
from graph_schema.knowledge import HistoryReading
from graph_schema.model.command import (
    ArchiveSegment,
    Command,
    CreateSegment,
    MergeProfiles,
    PutItems,
    SplitProfile,
    UndoChange,
    UpdateSegment,
)
from graph_schema.model.event import Event, EventType
from graph_schema.model.item import Item
from graph_schema.model.time import DAY, HOUR, MINUTE
from graph_schema.store import Batch, GraphReading, GraphStore, Span
from graph_schema.walking import GraphWalking

EXAMPLES = 100

# ── what can happen ────────────────────────────────────────────────────────────────────────────


class Take(msgspec.Struct, frozen=True):
    events: tuple[Event, ...]


class Ask(msgspec.Struct, frozen=True):
    command: Command


class Undo(msgspec.Struct, frozen=True):
    """One of the changes that there are then is to be taken back."""

    number: int
    by: str


class Pass(msgspec.Struct, frozen=True):
    """Time, with nothing else happening."""

    micros: int


class Work(msgspec.Struct, frozen=True):
    """The worker takes all there is, so many records at once."""

    batch_size: int


class Resend(msgspec.Struct, frozen=True):
    """An event that came before, again, or another one under its message id."""

    number: int
    altered: bool


Step: TypeAlias = Take | Ask | Undo | Pass | Work | Resend

DEVICES = [f"a{number}" for number in range(4)]
USERS = ["u0", "u1", "u2", "U'1", "null"]
KEYS = (
    [f"anonymous_id:{d}" for d in DEVICES] + [f"user_id:{u}" for u in USERS[:4]] + ["email:e0@x.y"]
)
NAMES = ["Product Viewed", "Product Added", "Order Completed", "Order Refunded", "Seen", "It's"]
PLANS = [
    "gold",
    "GÖLD",
    "",
    None,
    5,
    5.0,
    True,
    ["gold"],
    {"a": 1},
    1 << 70,
    "x\x00y",
    "2026-11-05",
]
SEGMENTS = ["s0", "s1", "s2"]

RULES: list[dict[str, Any]] = [
    {"trait": {"name": "plan", "value": "gold"}},
    {"trait": {"name": "plan", "op": "GTE", "value": 5}},
    {"trait": {"name": "plan", "op": "GTE", "value": "-P60D", "as": "DATETIME"}},
    {"not": {"trait": {"name": "plan", "op": "EXISTS"}}},
    {"event": {"name": "Seen", "count": {"gte": 2}}},
    {"event": {"name": "Product Viewed", "within": "P62D"}},
    {"event": {"name": "It's", "count": {"lte": 1}, "within": "P61D"}},
    {"event": {"name": "Order Completed", "where": [{"name": "products[].name", "op": "EXISTS"}]}},
    {"sum": {"event": "Order Completed", "property": "price", "gte": 3}},
    {"identifiers": {"namespace": "anonymous_id", "gte": 2}},
    {"segment": "s0"},
    {"any": [{"segment": "s1"}, {"identifiers": {"namespace": "email", "gte": 1}}]},
    {"nonsense": {}},
]


def events() -> st.SearchStrategy[Event]:
    return st.builds(
        _event,
        number=st.integers(0, 10**9),
        minute=st.sampled_from([0, 1, 12, 29, 31, 61, 200, 1500]).flatmap(
            lambda far: st.integers(0, far)
        ),
        device=st.sampled_from([*DEVICES, None]),
        user=st.sampled_from([*USERS, None, None, None]),
        kind=st.sampled_from(
            [EventType.TRACK, EventType.TRACK, EventType.IDENTIFY, EventType.ALIAS]
        ),
        name=st.sampled_from(NAMES),
        value=st.sampled_from(PLANS),
        small=st.integers(0, 3),
    )


def _event(
    number: int, minute: int, device: str | None, user: str | None, kind: EventType, name: str,
    value: Any, small: int,
) -> Event:  # fmt: skip
    if device is None and user is None:
        device = "a0"
    rest: dict[str, Any] = {}
    if kind is EventType.IDENTIFY:
        rest["traits"] = {"plan": value, "Ünnamed": f"Anna {small}"}
        if small == 0:
            rest["traits"]["email"] = f"E{number % 2}@x.y"
    elif kind is EventType.ALIAS:
        rest["previous_id"] = DEVICES[small]
    else:
        rest["properties"] = {
            "product_id": f"p{small}", "price": 1.5 + small, "total": value, "order_id": f"o{small}",
            "products": [{"product_id": f"p{small}", "name": "A 'lamp'"}], "deep": {"v": value},
        }  # fmt: skip
    if small == 1:
        rest["context"] = {
            "campaign": {"name": "spring", "source": "news"}, "locale": "de-DE",
            "consent": {"categoryPreferences": {"ads": bool(number % 2)}},
        }  # fmt: skip
    return event(f"m{number}", minute, anonymous=device, user=user, name=name, kind=kind, **rest)


def commands() -> st.SearchStrategy[Command]:
    ids = st.integers(0, 30).map(lambda number: f"c_{number:032d}")
    common = {"id": ids, "actor": st.just("Ann"), "at": st.just(START)}
    keys, rules = st.sampled_from(SEGMENTS), st.sampled_from(RULES)
    some = st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True).map(tuple)
    return st.one_of(
        st.builds(CreateSegment, key=keys, name=st.just("It's a segment"), rule=rules, **common),
        st.builds(CreateSegment, key=keys, name=st.just("Another"), rule=rules, **common),
        st.builds(
            UpdateSegment, key=keys, rule=st.none() | rules, description=st.none() | st.just("d"),
            expected_version=st.sampled_from([None, 1, 2]), **common,
        ),
        st.builds(ArchiveSegment, key=keys, **common),
        st.builds(PutItems, items=st.lists(items(), max_size=2).map(tuple), **common),
        st.builds(MergeProfiles, parts=st.tuples(some, some), **common),
        st.builds(SplitProfile, taken=some, rest=some, **common),
    )  # fmt: skip


def items() -> st.SearchStrategy[Item]:
    return st.builds(
        Item, id=st.sampled_from(["p0", "p1", "p9"]), updated_at=st.just(START + DAY) | st.just(0),
        name=st.sampled_from(["A lamp", None]), price=st.sampled_from([None, 1, (1 << 63) - 1]),
        attributes=st.sampled_from([{}, {"a": [1, None, {"b": 1.0}]}]),
    )  # fmt: skip


def histories() -> st.SearchStrategy[list[Step]]:
    step = st.one_of(
        st.lists(events(), min_size=1, max_size=8).map(lambda found: Take(tuple(found))),
        st.lists(events(), min_size=1, max_size=8).map(lambda found: Take(tuple(found))),
        commands().map(Ask),
        st.builds(Undo, st.integers(0, 50), st.integers(0, 30).map(lambda n: f"u_{n:032d}")),
        st.sampled_from([MINUTE, HOUR, 3 * DAY, 20 * DAY]).map(Pass),
        st.sampled_from([1, 3, 1000]).map(Work),
        st.builds(Resend, st.integers(0, 100), st.booleans()),
    )
    begun = st.lists(st.sampled_from(RULES), max_size=3).map(_segments)
    then = st.lists(step, min_size=2, max_size=14)
    return st.builds(lambda first, rest: [*first, *rest], begun, then)


def _segments(rules: list[dict[str, Any]]) -> list[Step]:
    return [
        Ask(CreateSegment(id=f"s_{n}", actor="Ann", at=START, key=key, name=key, rule=rule))
        for n, (key, rule) in enumerate(zip(SEGMENTS, rules, strict=False))
    ]


# ── playing it ─────────────────────────────────────────────────────────────────────────────────


class Player:
    """One log that several installations work on."""

    def __init__(self) -> None:
        self.clock = START + 60 * DAY
        self.log = MemoryEventLog(lambda: self.clock)
        self.taken: list[Event] = []
        self.commands: list[str] = []

    async def play(self, step: Step, installations: Sequence[Installation]) -> None:
        first = installations[0]
        if isinstance(step, Take):
            self.taken += step.events
            await first.take(*step.events)
        elif isinstance(step, Resend) and self.taken:
            again = self.taken[step.number % len(self.taken)]
            if step.altered:
                again = msgspec.structs.replace(again, properties={"altered": True})
            await first.take(again)
        elif isinstance(step, Ask):
            self.commands.append(step.command.id)
            await first.ask(step.command)
        elif isinstance(step, Undo):
            page = await first.store.change_page(None, Span(1000))
            if page.items:
                change = page.items[step.number % len(page.items)].change
                self.commands.append(step.by)
                await first.ask(UndoChange(id=step.by, actor="Bob", at=START, change=change.id))
        elif isinstance(step, Pass):
            self.clock += step.micros
            for installation in installations:
                installation.clock = self.clock

    async def outcomes(self, store: GraphStore) -> Any:
        return await store.outcomes(self.commands)


async def same_batches(steps: Sequence[Step], kinds: Sequence[Kind]) -> None:
    """The same work at the same moments on each: every answer is equal."""
    async with AsyncExitStack() as stack:
        player, installations = await _start(stack, kinds)
        for step in [*steps, Work(1000)]:
            await player.play(step, installations)
            if isinstance(step, Work):
                for installation in installations:
                    installation.batch_size = step.batch_size
                    await installation.work()
                one, other = [
                    await snapshot(installation.store, player.commands)
                    for installation in installations
                ]
                assert differing(one, other) == {}
        one, other = [await _in_batch(i.store, player) for i in installations]
        assert differing(one, other) == {}


async def different_batches(steps: Sequence[Step], kinds: Sequence[Kind]) -> None:
    """One works when it is told to, in small batches; the other only where people or time come in."""
    async with AsyncExitStack() as stack:
        player, installations = await _start(stack, kinds)
        often, seldom = installations
        for step in [*steps, Work(1000)]:
            if isinstance(step, Pass):
                # What falls due is looked at when it does: before the clock runs on, both are done.
                for installation in installations:
                    await installation.work()
            await player.play(step, installations)
            if isinstance(step, Work):
                often.batch_size = min(step.batch_size, 3)
                await often.work()
        await often.work()
        await seldom.work()
        one, other = [await timeless(installation.store) for installation in installations]
        assert differing(one, other) == {}
        assert await player.outcomes(often.store) == await player.outcomes(seldom.store)


async def _start(stack: AsyncExitStack, kinds: Sequence[Kind]) -> tuple[Player, list[Installation]]:
    player = Player()
    found = []
    for kind in kinds:
        place = await stack.enter_async_context(kind.empty())
        found.append(await stack.enter_async_context(opened(place.store(), log=player.log)))
    return player, found


async def _in_batch(store: GraphStore, player: Player) -> Any:
    known = await known_of(store, player.commands)
    async with store.batch(await store.checkpoint(0, player.log.log_id)) as batch:
        return await batch_snapshot(batch, known)


quiet = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_store_answers_as_the_embedded_one_does(kind: Kind) -> None:
    """Which answers the same when it is asked twice: nothing in its answers depends on chance."""

    @settings(quiet, max_examples=how_many(EXAMPLES, kind))
    @given(histories())
    def run(steps: list[Step]) -> None:
        with timed("stores agree", kind):
            asyncio.run(same_batches(steps, (SQLITE, kind)))

    run()


@settings(quiet, max_examples=EXAMPLES)
@given(histories())
def test_batches_make_no_difference(steps: list[Step]) -> None:
    asyncio.run(different_batches(steps, (SQLITE, SQLITE)))


# ── that nothing was forgotten ─────────────────────────────────────────────────────────────────


async def test_a_snapshot_asks_everything_that_can_be_asked(store: GraphStore) -> None:
    recording = Recording(store)
    await snapshot(recording)
    assert methods(GraphReading, HistoryReading, GraphWalking) <= recording.called
    assert {"due", "next_deadline", "profile_ids_after"} <= recording.called
    await commit(store, person("p1", "user_id:u1"), visit("m1", "user_id:u1", {"m1": 1}))
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        inside = Recording(batch)
        await batch_snapshot(inside, await known_of(store))
        assert methods(Batch) - {"write", "advance", "prune_changes"} <= inside.called
