"""Evidence that takes too much to resolve while events wait is left to the background, and comes out the
same."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tracemalloc
from pathlib import Path

import pytest
from graphs import Installation, applied, broken, event, installation
from histories import history
from stores import SQLITE

from cdp.pipeline.background import Background
from graph_schema.model.evidence import EvidenceStatus
from graph_schema.model.time import MINUTE
from identity import region


@pytest.mark.parametrize("most", [1, 2, 5])
@pytest.mark.parametrize("seed", range(8))
def test_however_little_is_read_at_once_the_graph_is_the_same(
    seed: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    events = history(rng)
    expected = asyncio.run(applied(SQLITE, [events]))
    monkeypatch.setattr(region, "MOST", most)
    rng.shuffle(events)
    parts = [events[start : start + 7] for start in range(0, len(events), 7)]
    mixed = asyncio.run(applied(SQLITE, parts))
    assert mixed == expected


async def rests(self: Background, checkpoint: object) -> None:
    """In place of resolving: it has not come to it yet."""


async def statuses(graph: Installation) -> set[EvidenceStatus]:
    return {edge.status async for part in graph.store.walk_edges(100) for edge in part}


async def test_meanwhile_the_new_evidence_is_pending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation(tmp_path / "graph.db") as graph:
        with monkeypatch.context() as patched:
            patched.setattr(region, "MOST", 2)
            patched.setattr(Background, "resolve", rests)
            for number in range(6):
                await graph.take(
                    event(f"m{number}", 90 * number, anonymous=f"a{number}", user="u1")
                )
                await graph.work()
            assert EvidenceStatus.PENDING in await statuses(graph)
            assert await graph.store.waiting(99)
        await graph.work()
        assert await statuses(graph) == {EvidenceStatus.JOINED}
        assert await graph.store.waiting(99) == []
        assert broken(await graph.check()) == {}


HOSTILE = 100_000
CHUNK = 2_000


async def test_a_hundred_thousand_identifiers_on_one_burned_value(tmp_path: Path) -> None:
    """Each event costs the same, however many came before; memory does not follow the pairs."""
    async with installation(tmp_path / "graph.db", batch_size=CHUNK) as graph:
        tracemalloc.start()
        for start in range(0, HOSTILE, CHUNK):
            await graph.take(
                *(
                    event(f"m{n}", n / 50, anonymous="kiosk", user=f"u{n}")
                    for n in range(start, start + CHUNK)
                )
            )
            await graph.work()
            graph.clock += MINUTE
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert await graph.store.waiting(9) == []
    connection = sqlite3.connect(tmp_path / "graph.db")
    counts = dict(connection.execute("SELECT refused_by, count(*) FROM edge GROUP BY refused_by"))
    burned = connection.execute("SELECT status FROM identifier WHERE key = 'anonymous_id:kiosk'")
    assert burned.fetchone() == ("burned",) and counts == {"shared": HOSTILE}
    connection.close()
    # A hundred million pairs would be gigabytes; the log in memory holds 100,000 events.
    assert peak < 400 << 20
