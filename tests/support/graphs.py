"""A log in memory, a graph store of any kind and a worker, for tests of the pipeline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from snapshots import Snapshot, timeless
from stores import IDS, Kind, SqlitePlace, quick_folder

from cdp.collector.recording import Recorder
from cdp.eventlog.memory import MemoryEventLog
from cdp.pipeline.assembly import worker_of
from cdp.pipeline.check.findings import Report
from cdp.pipeline.check.walk import Check
from cdp.pipeline.in_force import InForce
from graph_schema.model.command import Command
from graph_schema.model.event import Event, EventType
from graph_schema.model.record import NewRecord, RecordKind
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import DAY, MINUTE, from_iso
from graph_schema.store import GraphStore

START = from_iso("2026-11-01T00:00:00Z")
FOR_EVER = 100 * 365 * DAY


class Installation:
    """A log, a graph and a worker; `clock` is the time that they read. Several may share a log.
    `path`: the embedded store's file, where that was asked for."""

    path: Path

    def __init__(
        self,
        store: GraphStore,
        batch_size: int = 1000,
        log: MemoryEventLog | None = None,
        event_partitions: int = 1,
        rules: IdentityRules | None = None,
        keep_feed: int = FOR_EVER,
    ) -> None:
        self.clock = START + 60 * 24 * 60 * MINUTE
        self.store = store
        self.log = MemoryEventLog(self.now, event_partitions) if log is None else log
        self.rules = IdentityRules() if rules is None else rules
        self.recorder = Recorder(self.rules, event_partitions)
        self.batch_size = batch_size
        self.keep_feed = keep_feed

    def now(self) -> int:
        return self.clock

    async def take(self, *events: Event) -> None:
        await self.log.append([self.recorder.record_of(event) for event in events])

    async def ask(self, *commands: Command) -> None:
        await self.log.append(
            [NewRecord(RecordKind.COMMAND, msgspec.json.encode(c)) for c in commands]
        )

    async def work(self) -> None:
        in_force = InForce(self.rules, IDS, self.now)
        worker = worker_of(
            self.log, self.store, in_force, self.batch_size, keep_feed=self.keep_feed
        )
        await worker.run(until_idle=True)

    async def check(self) -> Report:
        """The walk of `cdp check`, with nothing applied first."""
        with quick_folder() as folder:
            scratch = folder / "check.db"
            walk = Check(self.log, self.store, self.rules, IDS, self.now, scratch)
            return await walk.run()


def broken(report: Report) -> dict[str, tuple[str, ...]]:
    """The invariants that do not hold, with their examples."""
    return {result.name: result.examples for result in report.results if result.broken}


@asynccontextmanager
async def opened(
    store: GraphStore,
    batch_size: int = 1000,
    log: MemoryEventLog | None = None,
    partitions: int = 1,
    rules: IdentityRules | None = None,
) -> AsyncIterator[Installation]:
    found = Installation(store, batch_size, log, partitions, rules)
    await found.log.open()
    await store.open()
    try:
        yield found
    finally:
        await store.close()


@asynccontextmanager
async def installation(path: Path, batch_size: int = 1000) -> AsyncIterator[Installation]:
    """On the embedded store, in that file."""
    async with opened(SqlitePlace(path).store(), batch_size) as found:
        found.path = path
        yield found


async def applied(
    kind: Kind,
    batches: Iterable[Sequence[Event]],
    batch_size: int = 1000,
    rules: IdentityRules | None = None,
) -> Snapshot:
    """What the graph of those events says, each batch applied before the next is taken. It is
    clean."""
    async with kind.empty() as place, opened(place.store(), batch_size, rules=rules) as graph:
        for batch in batches:
            await graph.take(*batch)
            await graph.work()
        assert broken(await graph.check()) == {}
        return await timeless(graph.store)


def event(
    mid: str,
    minute: float,
    *,
    anonymous: str | None = None,
    user: str | None = None,
    name: str = "Page Viewed",
    kind: EventType = EventType.TRACK,
    **rest: object,
) -> Event:
    """An event so many minutes after the start."""
    at = START + int(minute * MINUTE)
    named = name if kind is EventType.TRACK else kind.value
    return Event(
        message_id=mid, type=kind, name=named, at=at, received_at=at, source="w_test",
        anonymous_id=anonymous, user_id=user, **rest,
    )  # fmt: skip
