"""Several workers on one Neo4j, killed while they link the same people from both sides: nothing is lost,
nothing is there twice, and the graph is the embedded store's."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path

from graphs import event
from stores import Neo4jPlace, neo4j_place

from cdp.bootstrap import build, opened
from cdp.cli.applying import apply_all
from cdp.settings import Settings, load
from graph_schema.model.event import Event, EventType
from graph_schema.store import GraphStore

ROUNDS = int(os.environ.get("CDP_KILL_ROUNDS", "3"))
WORKERS = 4
LOGINS = int(os.environ.get("CDP_LOGINS", "400"))
PEOPLE = 40
BATCH = "20"


def logins(seed: int) -> list[Event]:
    """The same pairs from both sides, on devices that lie in different partitions; and long chains of
    devices that one person after the other takes over."""
    rng = random.Random(seed)
    events = []
    for number in range(LOGINS):
        person = rng.randrange(PEOPLE)
        device = rng.choice((person, person, (person + 1) % PEOPLE)) * 3 + rng.randrange(3)
        kind = EventType.IDENTIFY if number % 3 else EventType.TRACK
        events.append(
            event(
                f"m{seed}-{number}", 35 * number, kind=kind, anonymous=f"a{seed}-{device}",
                user=f"u{seed}-{person}", name="Seen",
                **({"traits": {"email": f"{seed}-{person}@x.y"}} if number % 5 == 1 else {}),
            )
        )  # fmt: skip
    return events


def settings_of(folder: Path, place: Neo4jPlace | None) -> Settings:
    given = {
        "CDP_DATA": str(folder), "CDP_PARTITIONS": str(WORKERS), "CDP_LEASE": "2",
        "CDP_BATCH_SIZE": BATCH,
    }  # fmt: skip
    return load(given | (dict(place.settings) if place is not None else {}), {})


def worker(folder: Path, place: Neo4jPlace, *words: str) -> subprocess.Popen[bytes]:
    settings = settings_of(folder, place)
    return subprocess.Popen(
        [sys.executable, "-m", "cdp", *(words or ("worker",)), "--data", str(folder)],
        env={
            **os.environ, "CDP_GRAPH": settings.graph, "CDP_PARTITIONS": str(WORKERS),
            "CDP_LEASE": "2", "CDP_BATCH_SIZE": BATCH,
        },
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


async def groups(store: GraphStore) -> tuple[dict[str, object], int]:
    """Who holds which identifier, and how it stands; how many events there are."""
    found: dict[str, object] = {}
    async for part in store.walk_identifiers(500):
        found |= {i.key: (i.profile, i.status, i.first_at, i.last_at) for i in part}
    return found, (await store.totals()).events


async def test_workers_that_are_killed(tmp_path: Path) -> None:
    async with neo4j_place() as place:
        running = []
        try:
            for number in range(ROUNDS):
                parts = build(settings_of(tmp_path, None))
                await parts.log.open()
                records = [parts.recorder.record_of(one) for one in logins(number)]
                await parts.log.append(records)
                await parts.log.close()
                while len(running) < WORKERS:
                    running.append(worker(tmp_path, place))
                await asyncio.sleep(3)
                victim = running.pop(random.Random(number).randrange(WORKERS))
                victim.kill()
                victim.communicate()
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.communicate(timeout=60)
        last = worker(tmp_path, place, "worker", "--until-idle")
        told, _ = last.communicate(timeout=240)
        assert last.returncode == 0, told
        check = worker(tmp_path, place, "check")
        told, _ = check.communicate(timeout=240)
        assert check.returncode == 0, told.decode()
        store = place.store(build(settings_of(tmp_path, place)).ids.fingerprint)
        await store.open()
        mine = await groups(store)
        again = worker(tmp_path, place, "rebuild")
        told, _ = again.communicate(timeout=240)
        assert again.returncode == 0, told.decode()
        rebuilt = await groups(store)
        await store.close()
    async with opened(build(settings_of(tmp_path, None))) as embedded:
        await apply_all(embedded)
        theirs = await groups(embedded.store)
    assert mine[1] == theirs[1] == ROUNDS * LOGINS
    assert mine[0] == theirs[0]
    assert rebuilt == mine
