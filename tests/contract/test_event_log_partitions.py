"""Partitions of the event log: of both logs, and of the file that outlives a change of their number."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path

import pytest

from cdp.eventlog.memory import MemoryEventLog
from cdp.eventlog.partitioning import COMMANDS, partition_of
from cdp.eventlog.protocol import Backlog, EventLog, Tail
from cdp.eventlog.sqlite import SqliteEventLog
from graph_schema.errors import BadInput
from graph_schema.model.record import NewRecord, RecordKind

PLENTY = 1 << 30
PARTITIONS = 3
V1 = (
    Path(__file__).parents[2] / "cdp/eventlog/migrations/0001_log.sql"
)  # what a log of the first version was made with


def event(device: str, body: bytes = b"{}") -> NewRecord:
    return NewRecord(RecordKind.EVENT, body, device)


def command(body: bytes = b"{}") -> NewRecord:
    return NewRecord(RecordKind.COMMAND, body)


def devices(partition: int, count: int = 1, partitions: int = PARTITIONS) -> list[str]:
    """Devices whose events go there."""
    names = (f"anonymous_id:a{n}" for n in range(10_000))
    found = [name for name in names if partition_of(event(name), partitions) == partition]
    return found[:count]


Make = Callable[[Path, list[int]], EventLog]


def memory(folder: Path, clock: list[int]) -> EventLog:
    return MemoryEventLog(lambda: clock[0], PARTITIONS)


def sqlite(folder: Path, clock: list[int]) -> EventLog:
    return SqliteEventLog(folder / "log.sqlite", lambda: clock[0], PARTITIONS)


@pytest.fixture
def clock() -> list[int]:
    return [1000]


@pytest.fixture(params=[memory, sqlite], ids=["memory", "sqlite"])
async def log(
    request: pytest.FixtureRequest, tmp_path: Path, clock: list[int]
) -> AsyncIterator[EventLog]:
    make: Make = request.param
    found = make(tmp_path, clock)
    await found.open()
    yield found
    await found.close()


async def test_commands_have_a_partition_of_their_own(log: EventLog) -> None:
    (name,) = devices(2)
    assert await log.append([command(), event(name), command()]) == [(0, 1), (2, 1), (0, 2)]
    assert [r.kind for r in await log.read(COMMANDS, 0, 9, PLENTY)] == [RecordKind.COMMAND] * 2


async def test_the_events_of_a_device_stay_together_in_their_order(log: EventLog) -> None:
    bodies = [(f"anonymous_id:d{n % 7}", b"%d" % n) for n in range(70)]
    places = await log.append([event(*pair) for pair in bodies])
    for device in {name for name, _ in bodies}:
        own = [place for place, (name, _) in zip(places, bodies, strict=True) if name == device]
        assert len({partition for partition, _ in own}) == 1
        assert own == sorted(own)
    used = {partition for partition, _ in places}
    assert used <= {1, 2, 3}
    assert len(used) > 1


async def test_positions_have_no_gap_in_each_partition(log: EventLog) -> None:
    async def caller(n: int) -> list[tuple[int, int]]:
        return await log.append([event(f"d{n}-{i}") for i in range(4)] + [command()])

    answers = await asyncio.gather(*(caller(n) for n in range(25)))
    places = [place for answer in answers for place in answer]
    tails = await log.tails()
    assert sorted(tails) == [0, 1, 2, 3]
    for partition, tail in tails.items():
        own = sorted(position for number, position in places if number == partition)
        assert own == list(range(1, tail.position + 1))
        read = await log.read(partition, 0, 1000, PLENTY)
        assert [r.position for r in read] == own
        assert all(r.partition == partition for r in read)


async def test_at_grows_strictly_within_each(log: EventLog, clock: list[int]) -> None:
    names = [devices(n)[0] for n in (1, 2, 3)]
    await log.append([event(name) for name in names] + [event(name) for name in names])
    clock[0] = 10  # the clock is set back
    await log.append([event(names[0]), command()])
    for partition in range(4):
        read = await log.read(partition, 0, 100, PLENTY)
        assert all(a.at < b.at for a, b in pairwise(read))
    assert (await log.tails())[1].at == (await log.read(1, 2, 1, PLENTY))[0].at > 1000


async def test_reading_one_does_not_run_into_the_next(log: EventLog) -> None:
    (one,), (two,) = devices(1), devices(2)
    await log.append([event(one, b"one"), event(two, b"two"), event(one, b"three")])
    assert [r.body for r in await log.read(1, 0, 10, PLENTY)] == [b"one", b"three"]
    assert [r.body for r in await log.read(1, 1, 10, PLENTY)] == [b"three"]
    assert await log.read(1, 2, 10, PLENTY) == []
    assert await log.read(3, 0, 10, PLENTY) == []
    for partition in (4, -1):
        with pytest.raises(BadInput):
            await log.read(partition, 0, 10, PLENTY)


async def test_the_backlog_is_that_of_all_partitions(log: EventLog, clock: list[int]) -> None:
    (one,), (two,) = devices(1), devices(2)
    await log.append([event(two, b"x" * 10)])
    clock[0] = 2000
    await log.append([event(one, b"x" * 200), event(two, b"x" * 3000), command(b"x")])
    everything = await log.backlog({})
    assert everything.bytes == 3211
    assert everything.oldest_at == 1000
    behind = await log.backlog({0: 1, 1: 1, 2: 1, 3: 0})
    assert behind.bytes == 3000
    assert behind.oldest_at == (await log.tails())[2].at
    assert await log.backlog({0: 1, 1: 1, 2: 2}) == Backlog(0, 0)
    assert await log.backlog({0: 7, 1: 7, 2: 7, 3: 7, 9: 1}) == Backlog(0, 0)


async def test_who_waits_for_some_partitions_is_not_woken_by_others(log: EventLog) -> None:
    (one,), (two,) = devices(1), devices(2)
    waiting = asyncio.create_task(log.wait({1: 0, 3: 0}, 60))
    await log.append([event(two), command()])
    assert not await log.wait({1: 0, 3: 0}, 0.05)
    assert not waiting.done()
    await log.append([event(one)])
    assert await waiting
    assert await log.wait({1: 1, 2: 0}, 0)
    assert not await log.wait({}, 0)
    assert not await log.wait({8: 0}, 0)


# ── the file ───────────────────────────────────────────────────────────────────────────────────


async def opened(path: Path, partitions: int) -> SqliteEventLog:
    log = SqliteEventLog(path, event_partitions=partitions)
    await log.open()
    return log


async def test_there_may_come_to_be_more_and_never_fewer(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    names = [f"anonymous_id:{n}" for n in range(40)]
    one = await opened(path, 1)
    assert {p for p, _ in await one.append([event(name) for name in names])} == {1}
    four = await opened(path, 4)
    assert four.log_id == one.log_id
    assert sorted(await four.tails()) == [0, 1, 2, 3, 4]
    places = await four.append([event(name) for name in names])
    assert {p for p, _ in places} == {1, 2, 3, 4}
    # Who opened it before knows of them: positions go on, and all is read.
    assert sorted(await one.tails()) == [0, 1, 2, 3, 4]
    assert await one.append([event(name) for name in names]) == [
        (p, position + sum(1 for q, _ in places if q == p)) for p, position in places
    ]
    await one.close()
    await four.close()
    two = await opened(path, 2)
    assert sorted(await two.tails()) == [0, 1, 2, 3, 4]
    assert sum(tail.position for tail in (await two.tails()).values()) == 120
    await two.close()


def former(path: Path, records: int) -> None:
    """A log as the first version made it: events and commands in one row."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(V1.read_text(encoding="utf-8"))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA application_id = {0x4344504C}")
    connection.execute("PRAGMA user_version = 1")
    connection.execute("INSERT INTO meta VALUES ('log_id', 'made before')")
    total = 0
    for position in range(1, records + 1):
        body = b"body %d" % position
        total += len(body)
        kind = "command" if position % 3 == 0 else "event"
        connection.execute(
            "INSERT INTO record VALUES (?, ?, ?, 1, '', x'', ?, ?)",
            (position, 100 + position, kind, total, body),
        )
    connection.close()


async def test_a_log_of_the_former_schema_goes_on_as_the_first_partition(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    former(path, 9)
    log = SqliteEventLog(path, lambda: 5000, 2)
    await log.open()
    assert log.log_id == "made before"
    assert await log.tails() == {0: Tail(9, 109), 1: Tail(), 2: Tail()}
    read = await log.read(0, 4, 2, PLENTY)
    assert [(r.position, r.at, r.kind, r.body) for r in read] == [
        (5, 105, RecordKind.EVENT, b"body 5"),
        (6, 106, RecordKind.COMMAND, b"body 6"),
    ]
    assert await log.backlog({0: 7}) == Backlog(12, 108)
    (name,) = devices(2, partitions=2)
    assert await log.append([command(), event(name)]) == [(0, 10), (2, 1)]
    await log.close()


async def test_many_that_open_a_former_log_at_once_migrate_it_once(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    former(path, 9)
    logs = [SqliteEventLog(path, event_partitions=n % 3 + 1) for n in range(8)]
    await asyncio.gather(*(log.open() for log in logs))
    for log in logs:
        assert {n: tail.position for n, tail in (await log.tails()).items()} == {
            0: 9, 1: 0, 2: 0, 3: 0,
        }  # fmt: skip
        await log.close()
