"""Log → resolved graph, beside plain `executemany` inserts of the same rows in the same run.

python benchmarks/apply.py --events 20000
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

from graphs import Installation, event, installation

from graph_schema.model.command import CreateSegment
from graph_schema.model.event import Event, EventType

SEGMENTS = 20
TABLES = ("event", "session", "identifier", "edge", "seen", "profile", "interaction", "member")


def shop(count: int) -> list[Event]:
    """Visits of people on their devices: views, carts, orders; a login in one of ten events."""
    rng = random.Random(7)
    people = max(1, count // 60)
    clocks = [rng.uniform(0, 40_000) for _ in range(people)]
    events = []
    for number in range(count):
        person = rng.randrange(people)
        clocks[person] += rng.choice((0.3, 0.5, 1, 2, 4, 300))
        common = {"anonymous": f"device-{person}-{rng.randrange(2)}"}
        draw = rng.random()
        product = {"product_id": f"p{rng.randrange(500)}", "price": 9.99, "category": "shoes"}
        if draw < 0.1:
            found = event(
                f"m{number}", clocks[person], kind=EventType.IDENTIFY, user=f"user-{person}",
                traits={"plan": "pro", "email": f"{person}@example.org"}, **common,
            )  # fmt: skip
        elif draw < 0.15:
            found = event(
                f"m{number}", clocks[person], name="Order Completed", user=f"user-{person}",
                properties={"order_id": f"o{number}", "total": 20, "products": [product]}, **common,
            )  # fmt: skip
        else:
            name = rng.choice(("Product Viewed", "Product Added", "Page Viewed"))
            found = event(f"m{number}", clocks[person], name=name, properties=product, **common)
        events.append(found)
    return events


def segments() -> list[CreateSegment]:
    """Twenty rules: counts, windows, sums, traits."""
    rules = [
        {"event": {"name": "Order Completed", "count": {"gte": n + 1}}} for n in range(5)
    ] + [
        {"event": {"name": "Product Viewed", "count": {"gte": n + 2}, "within": "P7D"}}
        for n in range(5)
    ] + [
        {"sum": {"event": "Order Completed", "property": "total", "gte": 20 * n + 20}}
        for n in range(5)
    ] + [{"trait": {"name": "plan", "value": f"plan{n}"}} for n in range(5)]  # fmt: skip
    return [
        CreateSegment(id=f"c{n}", actor="bench", at=0, key=f"s{n}", name=f"s{n}", rule=rule)
        for n, rule in enumerate(rules)
    ]


async def ours(path: Path, events: list[Event], batch_size: int) -> float:
    async with installation(path, batch_size) as graph:
        await _prepare(graph)
        await graph.take(*events)
        started = time.perf_counter()
        await graph.work()
        return time.perf_counter() - started


async def _prepare(graph: Installation) -> None:
    await graph.ask(*segments())
    await graph.work()


def plain(path: Path, batch_size: int) -> float:
    """The rows that came of it, inserted as they are into a graph with the same tables."""
    source = sqlite3.connect(path)
    target = sqlite3.connect(path.with_suffix(".plain"), isolation_level=None)
    target.execute("PRAGMA journal_mode = WAL")
    target.execute("PRAGMA synchronous = FULL")
    schema = source.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    for (sql,) in schema:
        target.execute(sql)
    rows = {table: source.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    started = time.perf_counter()
    for table, found in rows.items():
        for start in range(0, len(found), batch_size):
            chunk = found[start : start + batch_size]
            target.execute("BEGIN")
            marks = ", ".join("?" * len(chunk[0]))
            target.executemany(f"INSERT INTO {table} VALUES ({marks})", chunk)
            target.execute("COMMIT")
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    options = parser.parse_args()
    events = shop(options.events)
    for batch_size in (1_000, 100):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "graph.db"
            mine = asyncio.run(ours(path, events, batch_size))
            peer = plain(path, batch_size)
        print(
            f"batches of {batch_size}: {len(events) / mine:,.0f} events/s;"
            f" plain inserts {len(events) / peer:,.0f} events/s; ratio {peer / mine:.2f}"
        )


if __name__ == "__main__":
    main()
