"""The walks of a graph store give all there is, in chunks of any size."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

import pytest
from graphs import Installation, event, installation

from graph_schema.model.event import EventType

T = TypeVar("T")


async def all_of(walk: AsyncIterator[list[T]], chunk: int) -> list[T]:
    found: list[T] = []
    async for part in walk:
        assert 0 < len(part) <= chunk
        found += part
    return found


async def two_devices(graph: Installation) -> None:
    product = {"product_id": "p1"}
    await graph.take(
        event("m1", 0, anonymous="a1", name="Product Viewed", properties=product),
        event("m2", 5, anonymous="a1", user="u1"),
        event("m3", 6, anonymous="a1", user="u2"),
        event("m4", 200, anonymous="a1"),
        event("m5", 3, anonymous="a0", user="u1", kind=EventType.IDENTIFY, traits={"email": "e@x"}),
    )
    await graph.work()


@pytest.mark.parametrize("chunk", [1, 2, 100])
async def test_walks_are_complete(tmp_path: Path, chunk: int) -> None:
    async with installation(tmp_path / "graph.db") as graph:
        await two_devices(graph)
        sessions = await all_of(graph.store.walk_sessions(chunk), chunk)
        ids = [walked.session.id for walked in sessions]
        assert sorted(ids) == ["m1", "m3", "m4", "m5"]
        devices = [walked.session.device for walked in sessions]
        assert devices.count("anonymous_id:a1") == 3
        # Device by device, each by time.
        assert devices.index("anonymous_id:a0") in (0, 3)
        assert [id_ for id_ in ids if id_ != "m5"] == ["m1", "m3", "m4"]
        met = {walked.session.id: walked.interactions for walked in sessions}
        assert [(one.item_id, one.views) for one in met["m1"]] == [("p1", 1)]
        identifiers = await all_of(graph.store.walk_identifiers(chunk), chunk)
        assert sorted(one.key for one in identifiers) == [
            "anonymous_id:a0", "anonymous_id:a1", "email:e@x", "user_id:u1", "user_id:u2",
        ]  # fmt: skip
        edges = await all_of(graph.store.walk_edges(chunk), chunk)
        seen = await all_of(graph.store.walk_seen(chunk), chunk)
        assert len(edges) == len(seen) == 4
        assert {edge.key for edge in edges} == {(s.a, s.b, s.kind) for s in seen}


async def test_recorded_answers_in_order_and_none(tmp_path: Path) -> None:
    async with installation(tmp_path / "graph.db") as graph:
        await two_devices(graph)
        second, nothing, first = await graph.store.recorded(["m2", "nothing", "m1"])
        assert nothing is None and first is not None and second is not None
        assert (first.position, second.position) == (1, 2)
        assert (second.device, second.user) == ("anonymous_id:a1", "user_id:u1")
        assert second.session == "m1" and first.rec < second.rec


async def test_what_dangles_is_named_and_no_more_than_asked_for(tmp_path: Path) -> None:
    async with installation(tmp_path / "graph.db") as graph:
        await two_devices(graph)
        assert await graph.store.dangling(9) == []
        connection = sqlite3.connect(tmp_path / "graph.db", isolation_level=None)
        connection.execute("UPDATE event SET session = 'nowhere' WHERE mid IN ('m1', 'm2')")
        connection.execute("DELETE FROM identifier WHERE key = 'email:e@x'")
        connection.close()
        found = [(one.kind, one.id) for one in await graph.store.dangling(1)]
        assert [kind for kind, _ in found] == ["edge", "event"]
        assert all("e@x" not in id_ for _, id_ in found)
