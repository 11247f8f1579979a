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
from graph_schema.model.event import Event
from graph_schema.model.evidence import EvidenceStatus
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


async def test_a_value_on_ever_more_devices_that_is_not_burned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred devices may hang on it; those behind them are refused, and it never comes to rest in the
    stream again."""
    monkeypatch.setattr(region, "MOST", 50)
    shop = [{"id": "s1", "type": "crm", "collection": "users", "encoding": "none"}]
    async with installation(tmp_path / "graph.db", batch_size=40) as graph:
        await graph.take(
            *(
                event(f"m{n}", 90 * n, anonymous=f"a{n:03d}", context={"externalIds": shop})
                for n in range(250)
            )
        )
        await graph.work()
        assert broken(await graph.check()) == {}
        assert await graph.store.waiting(9) == []
    connection = sqlite3.connect(tmp_path / "graph.db")
    counts = dict(connection.execute("SELECT status, count(*) FROM edge GROUP BY status"))
    connection.close()
    assert counts == {"joined": 100, "refused": 150}


HOSTILE, EACH, CHUNK = 100_000, 50, 100


def on_the_kiosk(number: int) -> Event:
    """It names fifty identifiers that nobody has seen before."""
    names = [
        {"id": f"{number}-{n}", "type": "crm", "collection": "users", "encoding": "none"}
        for n in range(EACH)
    ]
    return event(f"m{number}", number / 50, anonymous="kiosk", context={"externalIds": names})


async def test_a_hundred_thousand_identifiers_on_one_burned_value(tmp_path: Path) -> None:
    """A batch takes as much memory behind them all as it did at first, far from their pairs; nothing
    is left to wait."""
    async with installation(tmp_path / "graph.db", batch_size=CHUNK) as graph:
        logins = [event(f"u{n}", n / 50, anonymous="kiosk", user=f"u{n}") for n in range(30)]
        await graph.take(*logins)
        await graph.work()
        events = [on_the_kiosk(number) for number in range(30, 30 + HOSTILE // EACH)]
        peaks = []
        for start in range(0, len(events), CHUNK):
            await graph.take(*events[start : start + CHUNK])
            traced = start in (CHUNK, len(events) - CHUNK)
            if traced:
                tracemalloc.start()
            await graph.work()
            if traced:
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
        assert await graph.store.waiting(9) == []
        assert (await graph.store.totals()).identifiers == HOSTILE + 31
    connection = sqlite3.connect(tmp_path / "graph.db")
    counts = dict(connection.execute("SELECT refused_by, count(*) FROM edge GROUP BY refused_by"))
    burned = connection.execute("SELECT status FROM identifier WHERE key = 'anonymous_id:kiosk'")
    assert burned.fetchone() == ("burned",) and counts == {"shared": HOSTILE + 30}
    connection.close()
    assert peaks[1] < 2 * peaks[0], peaks
