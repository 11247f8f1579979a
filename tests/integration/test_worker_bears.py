"""What a worker bears: others in its way, batches that are too large, a graph that is away, replies
that are lost, a partition that another one takes. The graph comes out the same, with no dead letter."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from faulty import Faulty
from graphs import Installation, broken, event, opened
from histories import history
from snapshots import Snapshot, differing, timeless
from stores import IDS, SqlitePlace, quick_folder

from cdp.eventlog.protocol import EventLog
from cdp.pipeline import records, worker
from cdp.pipeline.assembly import worker_of
from cdp.pipeline.in_force import InForce
from cdp.pipeline.worker import Worker
from graph_schema.errors import StoreConflict, StoreUnavailable
from graph_schema.model.event import Event
from graph_schema.model.rules import IdentityRules
from graph_schema.store import GraphStore


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "FIRST_PAUSE_S", 0.0001)
    monkeypatch.setattr(records, "LONGEST_PAUSE_S", 0.001)
    monkeypatch.setattr(worker, "FIRST_RETRY_S", 0.001)
    monkeypatch.setattr(worker, "LONGEST_RETRY_S", 0.01)


@pytest.fixture
async def graph(tmp_path: Path) -> AsyncIterator[Installation]:
    async with opened(SqlitePlace(tmp_path / "graph.db").store(), partitions=3) as found:
        yield found


def faulty(graph: Installation, **faults: Any) -> Faulty:
    return Faulty(graph.store, random.Random(3), **faults)


def worker_on(graph: Installation, store: Faulty | GraphStore, batch_size: int = 40) -> Worker:
    in_force = InForce(IdentityRules(), IDS, graph.now)
    return worker_of(graph.log, cast("GraphStore", store), in_force, batch_size)


async def in_peace(events: list[Event]) -> Snapshot:
    with quick_folder() as folder:
        async with opened(SqlitePlace(folder / "graph.db").store()) as quiet:
            await quiet.take(*events)
            await quiet.work()
            return await timeless(quiet.store)


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - what is waited for rings no bell
        await asyncio.sleep(0.001)


async def is_as_in_peace(graph: Installation, events: list[Event]) -> None:
    assert broken(await graph.check()) == {}
    assert await graph.store.dead_records((0, 0), 10) == []
    assert not differing(await timeless(graph.store), await in_peace(events))


@pytest.mark.parametrize("seed", range(4))
async def test_others_in_its_way_change_nothing(graph: Installation, seed: int) -> None:
    events = history(random.Random(seed))
    await graph.take(*events)
    store = faulty(graph, conflicts=0.6)
    await worker_on(graph, store, batch_size=7).run(until_idle=True)
    assert store.failed > 3
    await is_as_in_peace(graph, events)


async def test_a_batch_that_meets_others_is_tried_with_less(graph: Installation) -> None:
    sizes: list[int] = []

    class Counting:
        """Only what touches little gets through."""

        async def apply(self, run: Any, checkpoint: Any) -> Any:
            sizes.append(len(run))
            if len(run) > 3:
                raise StoreConflict(store="the graph")
            return await inner.apply(run, checkpoint)

    events = [event(f"m{n}", n, anonymous="a") for n in range(16)]
    await graph.take(*events)
    on = worker_on(graph, graph.store)
    inner = on._records._events
    on._records._events = cast("Any", Counting())
    await on.run(until_idle=True)
    assert sizes.count(16) == records.WHOLE_TRIES
    assert sizes.count(4) == 4 * records.WHOLE_TRIES
    assert sizes.count(2) == 8
    await is_as_in_peace(graph, events)


async def test_a_batch_that_is_too_large_is_applied_in_parts(graph: Installation) -> None:
    events = history(random.Random(5))
    await graph.take(*events)
    store = faulty(graph, most_events=2)
    await worker_on(graph, store).run(until_idle=True)
    assert store.failed > 0
    await is_as_in_peace(graph, events)


async def test_a_record_that_never_gets_through_is_a_dead_letter(
    graph: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a store calls a conflict what fails every time, the others must not wait for ever."""
    monkeypatch.setattr(records, "ALL_TRIES", 5)
    events = [event(f"m{n}", n, anonymous="a") for n in range(8)]
    await graph.take(*events)

    class Cursed:
        async def apply(self, run: Any, checkpoint: Any) -> Any:
            if any(b'"m5"' in record.body for record in run):
                raise StoreConflict(store="the graph")
            return await inner.apply(run, checkpoint)

    on = worker_on(graph, graph.store)
    inner = on._records._events
    on._records._events = cast("Any", Cursed())
    await on.run(until_idle=True)
    assert [r.reason for r in await graph.store.dead_records((0, 0), 9)] == ["apply_failed"]
    assert (await graph.store.totals()).events == 7
    assert broken(await graph.check()) == {}


@pytest.mark.parametrize("seed", range(4))
async def test_a_reply_that_is_lost_is_no_second_event(graph: Installation, seed: int) -> None:
    events = history(random.Random(seed))
    await graph.take(*events)
    store = faulty(graph, lost_replies=0.5, conflicts=0.2)
    await worker_on(graph, store, batch_size=3).run(until_idle=True)
    assert store.failed > 0
    await is_as_in_peace(graph, events)


async def test_it_waits_for_a_graph_that_is_away_and_says_so_once(
    graph: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "cdp.worker")
    events = history(random.Random(6))
    store = faulty(graph)
    on = worker_on(graph, store)
    running = asyncio.create_task(on.run())
    store.away = True
    await graph.take(*events)
    await until(lambda: store.failed >= 20)
    assert (await graph.store.totals()).events == 0
    assert not running.done()
    store.away = False
    while (await graph.store.totals()).events < len(events):  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    on.stop()
    await running
    assert len([r for r in caplog.records if "away" in r.getMessage()]) == 1
    assert len([r for r in caplog.records if "can be used again" in r.getMessage()]) == 1
    await is_as_in_peace(graph, events)


async def test_who_lost_its_partition_reads_again_where_it_stands(graph: Installation) -> None:
    events = history(random.Random(7))
    first, second = worker_on(graph, graph.store, 5), worker_on(graph, graph.store, 3)
    await graph.take(*events[: len(events) // 2])
    for _ in range(3):
        await first._round()
        await second._round()  # it does not know what the first one did
    await graph.take(*events[len(events) // 2 :])
    both = [first.run(until_idle=True), second.run(until_idle=True)]
    await both[1]
    await both[0]
    await is_as_in_peace(graph, events)


async def test_stopped_while_the_graph_is_away_it_ends(graph: Installation) -> None:
    store = faulty(graph)
    store.away = True
    on = worker_on(graph, store)
    running = asyncio.create_task(on.run())
    await until(lambda: store.failed >= 3)
    on.stop()
    await asyncio.wait_for(running, 30)


async def test_a_log_that_cannot_be_read_for_a_moment_is_borne_too(graph: Installation) -> None:
    events = history(random.Random(8))
    await graph.take(*events)

    class Stuttering:
        def __init__(self, log: EventLog) -> None:
            self._log = log
            self.times = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self._log, name)

        async def read(self, *where: Any) -> Any:
            self.times += 1
            if self.times % 2:
                raise StoreUnavailable(store="the log", reason="it is busy")
            return await self._log.read(*where)

    log = Stuttering(graph.log)
    in_force = InForce(IdentityRules(), IDS, graph.now)
    await worker_of(cast("EventLog", log), graph.store, in_force, 9).run(until_idle=True)
    assert log.times > 2
    await is_as_in_peace(graph, events)
