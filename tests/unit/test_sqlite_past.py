"""A graph from before the past was kept: its past begins when it is opened; nothing earlier is told."""

from __future__ import annotations

import json
import sqlite3
from importlib.resources import files
from pathlib import Path

import pytest
from stores import IDS

from api.errors import AsOfTooOld
from cdp.eventlog.memory import MemoryEventLog
from cdp.platform.past.keeping import PastKeeping
from graph_schema.model.identifier import IdentifierStatus
from graph_schema.model.rules import IdentityRules
from graph_schema.sqlite.connection import APPLICATION_ID
from graph_schema.sqlite.store import SqliteGraphStore

REC = 5_000
KEPT_FROM = 4


def before_the_past_was_kept(path: Path) -> None:
    """A profile, a session, a segment with a member, a decision, a change, as version 3 kept them."""
    connection = sqlite3.connect(path)
    folder = files("graph_schema.sqlite").joinpath("migrations")
    for file in sorted(folder.iterdir(), key=lambda one: one.name)[: KEPT_FROM - 1]:
        connection.executescript(file.read_text(encoding="utf-8"))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {KEPT_FROM - 1}")
    connection.execute("INSERT INTO meta VALUES ('hash_key', ?)", (IDS.fingerprint,))
    connection.execute(
        "INSERT INTO checkpoint (partition, log, position, rec, seq) VALUES (0, 'log', 9, ?, 1)",
        (REC,),
    )
    key, id_ = "user_id:u1", IDS.of("user_id:u1")
    connection.execute(
        "INSERT INTO identifier (key, id, namespace, value, rank, first_at, last_at, generation, status,"
        " profile) VALUES (?, ?, 'user_id', 'u1', 0, 10, 20, 0, 'active', ?)",
        (key, id_, id_),
    )
    connection.execute(
        "INSERT INTO event"
        " (mid, log_pos, source, type, name, at, rec, device, user, session, digest, body)"
        " VALUES ('m1', 1, 'w', 'track', 'Seen', 10, 3000, ?, ?, 'm1', x'00', '{}')",
        (key, key),
    )
    connection.execute(
        "INSERT INTO session (id, device, user, owner, started_at, ended_at, last_mid, facts, tally)"
        " VALUES ('m1', ?, ?, ?, 10, 10, 'm1', x'80', x'80')",
        (key, key, key),
    )
    connection.execute(
        "INSERT INTO segment (key, name, status, version, rule, created_at, updated_at)"
        " VALUES ('s', 'S', 'active', 1, '{\"trait\":{}}', 1, 1)"
    )
    connection.execute(
        "INSERT INTO member (profile, segment, version, from_rec, cause)"
        " VALUES (?, 's', 1, 2000, 'event')",
        (id_,),
    )
    connection.execute(
        "INSERT INTO decision (id, kind, lefts, rights, actor, at, rec)"
        " VALUES ('d1', 'confirmed', '[\"user_id:u1\"]', '[\"user_id:u2\"]', 'ann', 1, 1)"
    )
    change = {
        "type": "identity", "id": "c1", "kind": "merge", "at": 4000, "cause": "m1",
        "before": [{"profile_id": "p_gone", "identifiers": []}],
        "after": [{"profile_id": id_, "identifiers": [key]}],
    }  # fmt: skip
    connection.execute(
        "INSERT INTO change (partition, seq, rec, kind, id, body) VALUES (0, 1, 4000, 'merge', 'c1', ?)",
        (json.dumps(change).encode(),),
    )
    connection.commit()
    connection.close()


async def test_the_past_begins_where_the_graph_stands(tmp_path: Path) -> None:
    path = tmp_path / "graph.db"
    before_the_past_was_kept(path)
    store = SqliteGraphStore(path, IDS.fingerprint)
    await store.open()
    try:
        assert await store.known_since() == REC
        id_ = IDS.of("user_id:u1")
        ((member,),) = await store.members_at([id_], REC)
        assert (member.key, member.first_at, member.last_at) == ("user_id:u1", 10, 20)
        assert member.status is IdentifierStatus.ACTIVE
        (session,) = await store.sessions_about(["user_id:u1"], REC)
        assert (session.id, session.rec) == ("m1", 3000)
        ((membership,),) = await store.memberships_at([id_], REC)
        assert (membership.segment, membership.since) == ("s", 2000)
        assert [(s.key, s.rule) for s in await store.segments_at(REC)] == [("s", {"trait": {}})]
        assert [d.id for d in await store.decisions_naming(["user_id:u2"])] == ["d1"]
        assert await store.history_counts([["p_gone"], [id_]], None) == [1, 1]
    finally:
        await store.close()


async def test_what_lies_before_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "graph.db"
    before_the_past_was_kept(path)
    store = SqliteGraphStore(path, IDS.fingerprint)
    await store.open()
    log = MemoryEventLog(lambda: REC + 10)
    await log.open()
    try:
        keeping = PastKeeping(log, store, IdentityRules(), lambda: REC + 10, wait_s=0)
        with pytest.raises(AsOfTooOld):
            await keeping.at(REC - 1)
        assert await keeping.at(REC) is not None
    finally:
        await log.close()
        await store.close()
