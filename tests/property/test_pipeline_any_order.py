"""Any permutation, duplication, delay and batching of the same events gives the same graph: identifiers,
profile ids, sessions, traits, counters, evidence, interactions. And the walk of `cdp check` finds all
of it to be what the events say."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from graphs import applied
from histories import history

from graph_schema.model.event import Event

EXAMPLES = 200
QUERIES = {
    "identifier": "SELECT key, rank, first_at, last_at, status, profile FROM identifier ORDER BY key",
    "edge": "SELECT * FROM edge ORDER BY a, b, kind",
    "session": "SELECT id, device, user, owner, started_at, ended_at, facts FROM session ORDER BY id",
    "interaction": "SELECT * FROM interaction ORDER BY session, item",
    "event": "SELECT mid, device, user, session FROM event ORDER BY mid",
}


def read(path: Path) -> dict[str, Any]:
    """The graph without what depends on when it was recorded."""
    from graph_schema.sqlite import rows

    connection = sqlite3.connect(path)
    found: dict[str, Any] = {
        name: connection.execute(query).fetchall() for name, query in QUERIES.items()
    }
    for table in ("session", "profile"):
        key = f"{table} tallies"
        packed = connection.execute(f"SELECT id, tally FROM {table} ORDER BY id").fetchall()
        found[key] = [(id_, rows._tally(tally)) for id_, tally in packed]
    found["profile"] = connection.execute(
        "SELECT id, anchor, first_at, last_at FROM profile ORDER BY id"
    ).fetchall()
    connection.close()
    return found


def batches(rng: random.Random, events: list[Event]) -> list[list[Event]]:
    """Shuffled, some twice, cut anyhow."""
    shuffled = events + rng.sample(events, rng.randint(0, len(events)))
    rng.shuffle(shuffled)
    found: list[list[Event]] = [[]]
    for one in shuffled:
        if rng.random() < 0.3:
            found.append([])
        found[-1].append(one)
    return [batch for batch in found if batch]


@pytest.mark.parametrize("seed", range(EXAMPLES // 10))
def test_any_order_gives_the_same_graph(seed: int) -> None:
    for example in range(10):
        rng = random.Random(1000 * seed + example)
        events = history(rng)
        with tempfile.TemporaryDirectory() as folder:
            straight = asyncio.run(applied(Path(folder) / "a.db", [events]))
            one_by_one = asyncio.run(applied(Path(folder) / "b.db", [events], batch_size=1))
            mixed = asyncio.run(applied(Path(folder) / "c.db", batches(rng, events)))
            expected = read(straight)
            for name, rows in read(one_by_one).items():
                assert rows == expected[name], (seed, example, "one by one", name)
            for name, rows in read(mixed).items():
                assert rows == expected[name], (seed, example, "mixed", name)
