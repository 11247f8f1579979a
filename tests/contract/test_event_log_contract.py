"""What every event log promises; and what only a file can do."""

from __future__ import annotations

import asyncio
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from cdp.eventlog import polling
from cdp.eventlog.dead_letter import DeadLetter
from cdp.eventlog.memory import MemoryEventLog
from cdp.eventlog.protocol import Backlog, EventLog, Tail
from cdp.eventlog.sqlite import SqliteEventLog
from graph_schema.errors import LogFull, StoreCorrupt, StoreNewer, StoreUnavailable
from graph_schema.model.record import NewRecord, RecordKind

PLENTY = 1 << 30
ROOT = Path(__file__).parents[2]


def event(body: bytes = b"{}") -> NewRecord:
    return NewRecord(RecordKind.EVENT, body, "device")


def letter(reason: str = "bad_field", body: bytes = b"{") -> DeadLetter:
    return DeadLetter(reason, "It is no text.", "w_1", 5, "http", body)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class EventLogContract:
    @pytest.fixture
    async def log(self, tmp_path: Path) -> AsyncIterator[EventLog]:
        log = self.make(tmp_path)
        await log.open()
        yield log
        await log.close()

    def make(self, folder: Path, clock: list[int] | None = None) -> EventLog:
        raise NotImplementedError

    async def test_an_empty_log(self, log: EventLog) -> None:
        assert await log.tails() == {0: Tail(0, 0), 1: Tail(0, 0)}
        assert await log.backlog({}) == Backlog(0, 0)
        assert await log.read(1, 0, 10, PLENTY) == []
        assert await log.dead_letters(0, 10) == []
        assert await log.dead_letter_count() == 0
        assert await log.append([]) == []

    async def test_positions_begin_at_1_and_have_no_gap(self, log: EventLog) -> None:
        assert await log.append([event(b"a"), event(b"b")]) == [(1, 1), (1, 2)]
        assert await log.append([event(b"c")]) == [(1, 3)]
        assert (await log.tails())[1].position == 3
        found = await log.read(1, 0, 10, PLENTY)
        assert [(record.position, record.body) for record in found] == [
            (1, b"a"),
            (2, b"b"),
            (3, b"c"),
        ]

    async def test_a_record_comes_back_as_it_went_in(self, log: EventLog) -> None:
        await log.append([event(b"\x00\xff"), NewRecord(RecordKind.COMMAND, b"{}")])
        (first,) = await log.read(1, 0, 10, PLENTY)
        (second,) = await log.read(0, 0, 10, PLENTY)
        assert (first.partition, first.kind, first.body) == (1, RecordKind.EVENT, b"\x00\xff")
        assert (first.v, first.key_id, first.nonce) == (1, "", b"")
        assert (second.partition, second.position, second.kind) == (0, 1, RecordKind.COMMAND)

    async def test_at_grows_strictly_even_where_the_clock_does_not(self, tmp_path: Path) -> None:
        clock = [1000]
        log = self.make(tmp_path, clock)
        await log.open()
        await log.append([event(), event()])
        clock[0] = 10  # the clock is set back
        await log.append([event()])
        clock[0] = 5000
        await log.append([event()])
        assert [record.at for record in await log.read(1, 0, 10, PLENTY)] == [
            1000,
            1001,
            1002,
            5000,
        ]
        assert (await log.tails())[1] == Tail(4, 5000)
        await log.close()

    async def test_reading_goes_on_behind_a_position(self, log: EventLog) -> None:
        await log.append([event(bytes([n])) for n in range(5)])
        assert [r.position for r in await log.read(1, 2, 2, PLENTY)] == [3, 4]
        assert await log.read(1, 5, 2, PLENTY) == []

    async def test_reading_stops_at_max_bytes_but_gives_one(self, log: EventLog) -> None:
        await log.append([event(b"x" * 10) for _ in range(4)])
        assert len(await log.read(1, 0, 10, 20)) == 2
        assert len(await log.read(1, 0, 10, 29)) == 2
        assert len(await log.read(1, 0, 10, 1)) == 1

    async def test_what_lies_behind_a_position(self, tmp_path: Path) -> None:
        clock = [1000]
        log = self.make(tmp_path, clock)
        await log.open()
        await log.append([event(b"x" * size) for size in (1, 20, 300)])
        assert [await log.backlog({1: position}) for position in range(5)] == [
            Backlog(321, 1000),
            Backlog(320, 1001),
            Backlog(300, 1002),
            Backlog(0, 0),
            Backlog(0, 0),
        ]
        await log.close()

    async def test_dead_letters_are_committed_with_the_records(self, log: EventLog) -> None:
        await log.append([event()], [letter("a"), letter("b", b"\xff")])
        await log.append([], [letter("c")])
        assert await log.dead_letter_count() == 3
        found = await log.dead_letters(0, 2)
        assert [entry for _, entry in found] == [letter("a"), letter("b", b"\xff")]
        (last,) = await log.dead_letters(found[-1][0], 10)
        assert last[1].reason == "c"

    async def test_a_forgotten_letter_is_gone_and_its_id_never_comes_back(
        self, log: EventLog
    ) -> None:
        await log.append([], [letter("a"), letter("b")])
        ids = [id_ for id_, _ in await log.dead_letters(0, 10)]
        await log.forget([ids[1], 999_999])
        await log.forget([])
        assert [entry.reason for _, entry in await log.dead_letters(0, 10)] == ["a"]
        await log.append([], [letter("c")])
        assert (await log.dead_letters(ids[0], 10))[0][0] > ids[1]

    async def test_concurrent_appends_keep_each_callers_order(self, log: EventLog) -> None:
        async def caller(n: int) -> list[tuple[int, int]]:
            return await log.append([event(b"%d-%d" % (n, i)) for i in range(3)])

        answers = await asyncio.gather(*(caller(n) for n in range(50)))
        bodies = {r.position: r.body for r in await log.read(1, 0, 1000, PLENTY)}
        assert sorted(bodies) == list(range(1, 151))
        for n, answer in enumerate(answers):
            assert [bodies[position] for _, position in answer] == [
                b"%d-%d" % (n, i) for i in range(3)
            ]

    async def test_wait_answers_once_something_lies_behind(self, log: EventLog) -> None:
        assert not await log.wait({1: 0}, 0)
        waiting = asyncio.create_task(log.wait({1: 0}, 60))
        await asyncio.sleep(0.03)
        assert not waiting.done()
        await log.append([event()])
        assert await waiting
        assert await log.wait({1: 0}, 0)
        assert not await log.wait({1: 1}, 0.02)

    async def test_who_waits_in_this_process_is_woken_without_looking(
        self, log: EventLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(polling, "POLL_S", 3600)
        waiting = [asyncio.create_task(log.wait({1: 0}, 3600)) for _ in range(3)]
        while len(log._bell._waiting) < 3:  # type: ignore[attr-defined]  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await log.append([event()])
        assert await asyncio.wait_for(asyncio.gather(*waiting), 30) == [True, True, True]

    async def test_what_it_holds_outlives_closing(self, log: EventLog) -> None:
        await log.append([event(b"a")], [letter()])
        before = log.log_id
        await log.close()
        await log.close()
        await log.open()
        await log.open()
        assert log.log_id == before
        assert await log.append([event()]) == [(1, 2)]
        assert await log.dead_letter_count() == 1

    async def test_two_logs_have_two_ids(self, log: EventLog, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        other = self.make(tmp_path / "other")
        await other.open()
        assert other.log_id != log.log_id
        await other.close()

    async def test_a_closed_log_says_so(self, log: EventLog) -> None:
        await log.append([event()])
        await log.close()
        with pytest.raises(StoreUnavailable):
            await log.append([event()])
        with pytest.raises(StoreUnavailable):
            await log.tails()

    async def test_text_that_is_no_unicode_does_not_stop_it(self, log: EventLog) -> None:
        origin = "row\udcff.ndjson:7"
        await log.append([], [DeadLetter("bad_field", "No.", "w_1", 1, origin, b"")])
        assert await log.append([event()]) == [(1, 1)]


class TestMemoryEventLog(EventLogContract):
    def make(self, folder: Path, clock: list[int] | None = None) -> EventLog:
        return MemoryEventLog(lambda: clock[0]) if clock else MemoryEventLog()


class TestSqliteEventLog(EventLogContract):
    def make(self, folder: Path, clock: list[int] | None = None) -> EventLog:
        path = folder / "log.sqlite"
        return SqliteEventLog(path, lambda: clock[0]) if clock else SqliteEventLog(path)

    async def test_two_open_logs_on_one_file_append_and_read(
        self, log: EventLog, tmp_path: Path
    ) -> None:
        other = self.make(tmp_path)
        await other.open()
        assert other.log_id == log.log_id
        await asyncio.gather(*((log, other)[n % 2].append([event()]) for n in range(40)))
        records = await other.read(1, 0, 100, PLENTY)
        assert [record.position for record in records] == list(range(1, 41))
        assert all(a.at < b.at for a, b in pairwise(records))
        await other.close()

    async def test_another_process_appends_while_this_one_waits(
        self, log: EventLog, tmp_path: Path
    ) -> None:
        await log.append([event(b"here")])
        waiting = asyncio.create_task(log.wait({1: 1}, 60))
        script = (
            "import asyncio, sys, pathlib\n"
            "from cdp.eventlog.sqlite import SqliteEventLog\n"
            "from graph_schema.model.record import NewRecord, RecordKind\n"
            "async def main():\n"
            "    log = SqliteEventLog(pathlib.Path(sys.argv[1]))\n"
            "    await log.open()\n"
            "    print(await log.append([NewRecord(RecordKind.EVENT, b'there')]))\n"
            "    await log.close()\n"
            "asyncio.run(main())\n"
        )
        path = str(tmp_path / "log.sqlite")
        command = [sys.executable, "-c", script, path]
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            cwd=ROOT,
        )
        assert done.stdout.strip() == "[(1, 2)]"
        assert await waiting
        assert (await log.read(1, 1, 1, PLENTY))[0].body == b"there"

    async def test_opened_at_once_by_many_it_is_made_once(self, tmp_path: Path) -> None:
        logs = [self.make(tmp_path) for _ in range(8)]
        await asyncio.gather(*(log.open() for log in logs))
        assert len({log.log_id for log in logs}) == 1
        for log in logs:
            await log.close()
        assert not [name for name in names(tmp_path) if name.startswith(".")]

    async def test_a_process_killed_under_load_loses_nothing_acknowledged(
        self, tmp_path: Path
    ) -> None:
        script = (
            "import asyncio, sys, pathlib\n"
            "from cdp.eventlog.sqlite import SqliteEventLog\n"
            "from graph_schema.model.record import NewRecord, RecordKind\n"
            "async def client(log, name):\n"
            "    for n in range(1_000_000):\n"
            "        body = b'%s-%d' % (name, n)\n"
            "        ((_, position),) = await log.append([NewRecord(RecordKind.EVENT, body)])\n"
            "        print(position, body.decode(), flush=True)\n"
            "async def main():\n"
            "    log = SqliteEventLog(pathlib.Path(sys.argv[1]))\n"
            "    await log.open()\n"
            "    await asyncio.gather(*(client(log, name) for name in (b'a', b'b', b'c')))\n"
            "asyncio.run(main())\n"
        )
        path = str(tmp_path / "log.sqlite")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, path, stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        assert process.stdout is not None
        said = [await process.stdout.readline() for _ in range(60)]
        process.kill()
        said += (await process.stdout.read()).splitlines(keepends=True)
        assert await process.wait() == -signal.SIGKILL
        acknowledged = {
            int(position): body
            for position, body in (line.split() for line in said if line.endswith(b"\n"))
        }
        log = self.make(tmp_path)
        await log.open()
        records = await log.read(1, 0, 1_000_000, PLENTY)
        await log.close()
        assert [record.position for record in records] == list(range(1, len(records) + 1))
        bodies = {record.position: record.body for record in records}
        assert len(acknowledged) >= 60
        assert acknowledged.items() <= bodies.items()

    async def test_a_full_disk_acknowledges_nothing_and_is_got_over(
        self, log: EventLog, tmp_path: Path
    ) -> None:
        await log.append([event(b"before")])
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        # What the kernel refuses here fails the same calls as a disk without room.
        resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, hard))
        try:
            with pytest.raises(LogFull):
                await log.append([event(b"x" * 400_000)], [letter()])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert (await log.tails())[1].position == 1
        assert await log.dead_letter_count() == 0
        assert await log.append([event(b"after")]) == [(1, 2)]

    async def test_a_log_without_room_for_pages_is_full(
        self, log: EventLog, tmp_path: Path
    ) -> None:
        await log.append([event()])
        size = (tmp_path / "log.sqlite").stat().st_size
        connection = log._writing()._connection  # type: ignore[attr-defined]
        connection.execute(f"PRAGMA max_page_count = {size // 4096 + 2}")
        with pytest.raises(LogFull):
            await log.append([event(b"x" * 100_000)])
        assert await log.append([event()]) == [(1, 2)]

    async def test_a_cancelled_append_leaves_the_log_working(self, log: EventLog) -> None:
        task = asyncio.create_task(log.append([event()]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        ((_, position),) = await log.append([event(b"next")])
        assert position == (await log.tails())[1].position <= 2

    async def test_a_record_that_sqlite_refuses_does_not_stop_the_thread(
        self, log: EventLog
    ) -> None:
        with pytest.raises(StoreUnavailable):
            await log.append([event([1])])  # type: ignore[arg-type]
        assert await log.append([event()]) == [(1, 1)]

    @pytest.mark.parametrize(
        "content", [b"", b"hello", b"SQLite format 3\x00" + b"\xff" * 5000, b"\x00" * 8192]
    )
    async def test_a_foreign_file_is_refused_and_left_alone(
        self, tmp_path: Path, content: bytes
    ) -> None:
        path = tmp_path / "log.sqlite"
        path.write_bytes(content)
        with pytest.raises(StoreCorrupt):
            await self.make(tmp_path).open()
        assert path.read_bytes() == content
        assert names(tmp_path) == [path.name]

    async def test_a_database_of_something_else_is_refused_and_left_alone(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "log.sqlite"
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE record (position)")
        connection.commit()
        connection.close()
        content = path.read_bytes()
        with pytest.raises(StoreCorrupt):
            await self.make(tmp_path).open()
        assert path.read_bytes() == content

    async def test_a_foreign_database_in_use_gets_no_files_beside_it(self, tmp_path: Path) -> None:
        connection = sqlite3.connect(tmp_path / "theirs.sqlite", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE record (position)")
        shutil.copy(tmp_path / "theirs.sqlite", tmp_path / "log.sqlite")
        shutil.copy(tmp_path / "theirs.sqlite-wal", tmp_path / "log.sqlite-wal")
        connection.close()
        before = contents(tmp_path)
        with pytest.raises(StoreCorrupt):
            await self.make(tmp_path).open()
        assert contents(tmp_path) == before

    async def test_a_log_that_may_not_be_written_is_not_called_full(
        self, log: EventLog, tmp_path: Path
    ) -> None:
        await log.append([event()])
        log._writing()._connection.execute("PRAGMA query_only = ON")  # type: ignore[attr-defined]
        with pytest.raises(StoreUnavailable):
            await log.append([event()])
        assert await log.append([event()]) == [(1, 2)]

    async def test_a_newer_log_is_refused_and_left_alone(
        self, log: EventLog, tmp_path: Path
    ) -> None:
        await log.append([event()])
        await log.close()
        path = tmp_path / "log.sqlite"
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        content = path.read_bytes()
        with pytest.raises(StoreNewer):
            await self.make(tmp_path).open()
        assert path.read_bytes() == content

    async def test_a_cut_off_log_is_refused(self, log: EventLog, tmp_path: Path) -> None:
        await log.append([event(b"x" * 50_000)])
        await log.close()
        path = tmp_path / "log.sqlite"
        path.write_bytes(path.read_bytes()[:4096])
        with pytest.raises(StoreCorrupt):
            await self.make(tmp_path).open()

    async def test_a_log_whose_tables_are_gone_is_refused(
        self, log: EventLog, tmp_path: Path
    ) -> None:
        await log.close()
        connection = sqlite3.connect(tmp_path / "log.sqlite")
        connection.execute("DROP TABLE record")
        connection.close()
        with pytest.raises(StoreCorrupt):
            await self.make(tmp_path).open()

    async def test_an_orphaned_wal_is_not_taken_into_a_new_log(self, tmp_path: Path) -> None:
        wal = tmp_path / "log.sqlite-wal"
        wal.write_bytes(b"what was written last")
        with pytest.raises(StoreCorrupt):
            await self.make(tmp_path).open()
        assert names(tmp_path) == [wal.name]

    async def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnavailable):
            await self.make(tmp_path / "nowhere").open()

    async def test_nothing_is_opened_before_open(self, tmp_path: Path) -> None:
        log = self.make(tmp_path)
        with pytest.raises(StoreUnavailable):
            _ = log.log_id
        await log.close()
        assert names(tmp_path) == []
