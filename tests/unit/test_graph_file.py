"""The embedded graph's file: how it is made, and brought up to today's schema."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import time
from importlib.resources import files
from pathlib import Path

import pytest
from graph_values import LOG, commit, identifier, people, profile
from stores import IDS

from graph_schema.errors import StoreUnavailable
from graph_schema.sqlite import connection, rows
from graph_schema.sqlite.store import SqliteGraphStore
from graph_schema.sqlite.swapping import put_in_place

MIGRATIONS = sorted(
    file.name for file in files("graph_schema.sqlite").joinpath("migrations").iterdir()
)


def version_of(path: Path) -> int:
    opened = sqlite3.connect(path)
    found = opened.execute("PRAGMA user_version").fetchone()[0]
    opened.close()
    return int(found)


async def test_it_is_made_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "graph.db"
    store = SqliteGraphStore(path, IDS.fingerprint)
    await store.open()
    await store.close()
    assert [file.name for file in path.parent.iterdir()] == ["graph.db"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert version_of(path) == len(MIGRATIONS)


async def test_an_empty_file_is_no_graph_yet(tmp_path: Path) -> None:
    path = tmp_path / "graph.db"
    path.touch()
    store = SqliteGraphStore(path, IDS.fingerprint)
    await store.open()
    await commit(store, people("p1"))
    await store.close()


async def test_a_place_where_nothing_can_be_made(tmp_path: Path) -> None:
    path = tmp_path / "graph.db"
    path.mkdir()
    store = SqliteGraphStore(path, IDS.fingerprint)
    with pytest.raises(StoreUnavailable):
        await store.open()


def _open(path: Path) -> None:
    connection.writer(path, IDS.fingerprint).close()


def test_several_processes_make_it_at_once(tmp_path: Path) -> None:
    path = tmp_path / "graph.db"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_open, args=(path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert version_of(path) == len(MIGRATIONS)
    assert [file.name for file in tmp_path.iterdir()] == ["graph.db"]


async def test_a_graph_of_the_first_schema_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "graph.db"
    first = files("graph_schema.sqlite").joinpath("migrations", MIGRATIONS[0])
    old = sqlite3.connect(path)
    old.executescript(first.read_text(encoding="utf-8"))
    old.execute(f"PRAGMA application_id = {connection.APPLICATION_ID}")
    old.execute("PRAGMA user_version = 1")
    old.execute("INSERT INTO meta VALUES ('hash_key', ?)", (IDS.fingerprint,))
    old.execute("INSERT INTO checkpoint VALUES (0, ?, 1, 1, 0)", (LOG,))
    columns = "key, id, namespace, value, rank, first_at, last_at, profile, status, generation"
    row = rows.identifier_row(identifier("email:E@x.y", "p1", id="p1"))[:10]
    old.execute(f"INSERT INTO identifier ({columns}) VALUES ({', '.join('?' * 10)})", row)
    row = rows.profile_row(profile("p1", "email:E@x.y"))[:6]
    old.execute(
        "INSERT INTO profile (id, anchor, first_at, last_at, tally, deadline) VALUES (?,?,?,?,?,?)",
        row,
    )
    old.commit()
    old.close()
    store = SqliteGraphStore(path, IDS.fingerprint)
    await store.open()
    assert await store.profiles_by_ids(["p1"]) == [profile("p1", "email:E@x.y")]
    assert await store.profile_count(segment=None, search="e@X") == 1
    await commit(store, people("p2"))
    await store.close()
    assert version_of(path) == len(MIGRATIONS)


async def test_who_reads_follows_a_graph_that_is_put_in_its_place(tmp_path: Path) -> None:
    """As `cdp rebuild` does it while an API process of its own goes on reading."""
    path, fresh = tmp_path / "graph.db", tmp_path / "graph.new"
    reading = SqliteGraphStore(path, IDS.fingerprint)
    await reading.open()
    await commit(reading, people("p1"))
    assert (await reading.totals()).profiles == 1
    made = SqliteGraphStore(fresh, IDS.fingerprint)
    await made.open()
    await commit(made, people("p1", "p2"))
    await made.close()

    slow = asyncio.create_task(reading._pool.run(_read_slowly))
    await asyncio.sleep(0.05)
    await asyncio.to_thread(put_in_place, fresh, path)
    assert (await reading.totals()).profiles == 2
    assert await slow == 1
    old = sqlite3.connect(f"file:{tmp_path / 'graph.old'}?mode=ro&immutable=1", uri=True)
    assert old.execute("SELECT id FROM profile").fetchall() == [("p1",)]
    old.close()
    worker = SqliteGraphStore(path, IDS.fingerprint)
    await worker.open()
    await commit(worker, people("p3"))
    assert (await reading.totals()).profiles == 3
    await reading.close()
    await commit(worker, people("p4"))
    await worker.close()
    again = SqliteGraphStore(path, IDS.fingerprint)
    await again.open()
    assert (await again.totals()).profiles == 4
    await again.close()


def _read_slowly(opened: sqlite3.Connection) -> int:
    opened.execute("SELECT 1 FROM profile").fetchall()
    time.sleep(0.3)
    found = opened.execute("SELECT count(*) FROM profile").fetchone()[0]
    return int(found)
