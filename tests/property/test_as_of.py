"""What is answered for an earlier moment is what a store answers that stopped then: every read, for
random histories with logins, late events, decisions by hand and undoings, on every kind of store."""

from __future__ import annotations

import random

import msgspec
import pytest
from deciding import a_decision, with_segments
from evidence_worlds import tight_rules
from graphs import Installation, opened
from histories import EMAILS, history
from snapshots import Known, Snapshot, differing, known_of, moment_snapshot
from spellings import SPELLINGS, spelled, with_spellings
from stores import SQLITE, Kind, cases

from cdp.platform.past.reading import PastReading
from graph_schema.model.change import IdentityChange
from graph_schema.model.command import Command, UndoChange, UpdateSegment
from graph_schema.model.event import Event
from graph_schema.model.rules import IdentityRules
from graph_schema.store import Span

Step = list[Event] | Command


class Stopped(msgspec.Struct):
    """What a store answered that had come so far, and when the last thing it knew was recorded."""

    t: int
    known: Known
    answers: Snapshot


class Played:
    """An installation that takes step after step."""

    def __init__(self, graph: Installation) -> None:
        self.graph = graph
        self.steps: list[Step] = []

    async def take(self, step: Step) -> None:
        if isinstance(step, list):
            await self.graph.take(*step)
        else:
            await self.graph.ask(step)
        await self.graph.work()
        self.steps.append(step)

    async def stopped(self) -> Stopped:
        store = self.graph.store
        known = await known_of(store)
        t = max(checkpoint.rec for checkpoint in await store.checkpoints())
        return Stopped(t, known, await moment_snapshot(store, known))

    async def everything(self, rng: random.Random, stopping: float) -> list[Stopped]:
        """Takes a whole history; answers some of the moments that it went through: each with that
        probability, and the last."""
        events = history(rng, SPELLINGS if spelled(self.graph.rules) else EMAILS)
        # Some come late: behind others that happened after them.
        events.sort(key=lambda event: event.at + rng.choice((0, 0, 0, 10**10, 10**12)))
        stops = []
        for number in range(len(events)):
            if not events:
                break
            count = min(rng.choice((1, 1, 2, 5)), len(events))
            await self.take([events.pop(0) for _ in range(count)])
            if rng.random() < 0.3:
                command = await self._command(rng, number)
                if command is not None:
                    await self.take(command)
            if rng.random() < stopping:
                stops.append(await self.stopped())
        return [*stops, await self.stopped()]

    async def _command(self, rng: random.Random, number: int) -> Command | None:
        now = self.graph.now()
        if rng.random() < 0.15:
            name = rng.choice(("Buyers", "Customers"))
            rule = {"event": {"name": "Order Completed", "count": {"gte": rng.choice((1, 2))}}}
            return UpdateSegment(
                id=f"s-{number}", actor="ann", at=now, key="buyers", name=name, rule=rule
            )
        page = await self.graph.store.change_page(None, Span(100))
        told = [e.change.id for e in page.items if isinstance(e.change, IdentityChange)]
        if told and rng.random() < 0.4:
            id_ = f"c_{number:032x}"
            return UndoChange(id=id_, actor="ann", at=now, change=rng.choice(told[:4]))
        return await a_decision(rng, self.graph, number)


def rules_of(rng: random.Random) -> IdentityRules:
    """The default, or so tight that limits, cap and burning bind in small worlds; some of either know
    other spellings of an e-mail."""
    rules = IdentityRules() if rng.random() < 0.5 else tight_rules(rng)
    return with_spellings(rules) if rng.random() < 0.3 else rules


async def assert_known(graph: Installation, stopped: Stopped, *where: object) -> None:
    past = PastReading(graph.store, graph.rules, stopped.t)
    answers = await moment_snapshot(past, stopped.known)
    assert differing(answers, stopped.answers) == {}, where


@pytest.mark.parametrize(("store_kind", "seed"), cases(60, 2))
async def test_an_earlier_moment_is_a_store_that_stopped_then(seed: int, store_kind: Kind) -> None:
    rng = random.Random(1_000 + seed)
    rules = rules_of(rng)
    async with store_kind.empty() as place, opened(place.store(), rules=rules) as graph:
        await with_segments(graph)
        for stopped in await Played(graph).everything(rng, 0.2 if store_kind is SQLITE else 0.1):
            await assert_known(graph, stopped, seed, stopped.t)


@pytest.mark.parametrize(("store_kind", "seed"), cases(30, 2))
async def test_a_moment_within_a_batch(seed: int, store_kind: Kind) -> None:
    """Memberships are recorded when a batch ends; everything else with the record that brought it."""
    rng = random.Random(77_000 + seed)
    rules = rules_of(rng)
    events = history(rng, SPELLINGS if spelled(rules) else EMAILS)
    rng.shuffle(events)
    cut = rng.randint(1, len(events))
    async with SQLITE.empty() as place, opened(place.store(), rules=rules) as graph:
        part = Played(graph)
        await part.take(events[:cut])
        stopped = await part.stopped()
    async with store_kind.empty() as place, opened(place.store(), rules=rules) as graph:
        await Played(graph).take(events)
        await assert_known(graph, stopped, seed)


async def test_what_was_not_known_yet_is_not_there(store_kind: Kind) -> None:
    async with store_kind.empty() as place, opened(place.store()) as graph:
        played = Played(graph)
        await played.take(history(random.Random(3)))
        first = await played.stopped()
        past = PastReading(graph.store, graph.rules, 0)
        keys = [identifier.key for identifier in first.known.identifiers]
        ids = [identifier.id for identifier in first.known.identifiers]
        mids = [stored.event.message_id for stored in first.known.events]
        assert not any(await past.identifiers_by_keys(keys))
        assert not any(await past.profiles_by_ids(ids))
        assert not any(await past.events_by_ids(mids))
        assert not any(await past.sessions_by_ids(mids))
        assert (await past.clusters(keys)).members == ()
        assert await past.session_counts(first.known.profiles) == [0] * len(first.known.profiles)
