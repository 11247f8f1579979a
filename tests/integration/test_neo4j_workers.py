"""Four workers and the collector, each a process of its own, on one Neo4j. Logins that link the same
people from both sides, and long chains of devices, come over HTTP, and a person decides now and then; a
worker is killed every few seconds, and Neo4j itself goes away once. Nothing is lost, nothing is there
twice, and the graph is the embedded store's."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest
from neo4j_server import GivenServer, Neo4jServer, started, the_server
from serving import Server
from stores import Neo4jPlace, neo4j_place

from cdp.bootstrap import Parts, build, opened
from cdp.cli.applying import apply_all
from cdp.settings import load
from graph_schema.errors import StoreUnavailable
from graph_schema.model.change import IdentityChange
from graph_schema.model.command import IdentityCommand, MergeProfiles, SplitProfile, UndoChange
from graph_schema.model.time import now
from graph_schema.store import GraphStore

ROUNDS = int(os.environ.get("CDP_KILL_ROUNDS", "2"))
LOGINS = int(os.environ.get("CDP_LOGINS", "100"))
WORKERS = 4
PEOPLE, PAIRS, CHAINS = 40, 20, 3
PER_REQUEST = 20
BETWEEN_KILLS_S = (4.0, 8.0)
AWAY_S = 1.0
MOST_S = 1200.0
SETTINGS = {"CDP_PARTITIONS": str(WORKERS), "CDP_LEASE": "3", "CDP_BATCH_SIZE": "20"}

Call: TypeAlias = dict[str, Any]


# ── what comes in ──────────────────────────────────────────────────────────────────────────────


def logins(number: int) -> list[Call]:
    """Of one round: pairs of devices that are named from both sides; chains, link by link in any order;
    people who log in on their own devices and now and then on the next one's."""
    rng = random.Random(number)
    calls: list[Call] = []
    for at in range(LOGINS):
        draw = rng.random()
        if draw < 0.25:
            pair = rng.randrange(PAIRS)
            one, other = rng.sample((f"a{number}-{pair}", f"b{number}-{pair}"), 2)
            call = {"type": "alias", "anonymousId": one, "previousId": other}
        elif draw < 0.5:
            chain, link = rng.randrange(CHAINS), rng.randrange(LOGINS // 4)
            ends = [f"c{number}-{chain}-{link}", f"c{number}-{chain}-{link + 1}"]
            rng.shuffle(ends)
            call = {"type": "alias", "anonymousId": ends[0], "previousId": ends[1]}
        else:
            person = rng.randrange(PEOPLE)
            device = rng.choice((person, person, (person + 1) % PEOPLE)) * 3 + rng.randrange(3)
            call = {
                "type": "identify", "userId": f"u{number}-{person}",
                "anonymousId": f"d{number}-{device}",
            }  # fmt: skip
            if rng.random() < 0.2:
                call["traits"] = {"email": f"{number}-{person}@x.y"}
        calls.append(call | {"messageId": f"m{number}-{at}"})
    return calls


def decisions(number: int) -> list[IdentityCommand]:
    """What a person decides in the middle of a round."""
    asked: dict[str, Any] = {"actor": "ann", "at": now()}
    users = [(f"user_id:u{number}-{person}",) for person in range(4)]
    return [
        MergeProfiles(id=f"c_merged{number}", parts=(users[0], users[2]), **asked),
        SplitProfile(
            id=f"c_split{number}", taken=(f"anonymous_id:d{number}-3",), rest=users[1], **asked
        ),
        MergeProfiles(id=f"c_mistaken{number}", parts=(users[1], users[3]), **asked),
    ]  # fmt: skip


def send(server: Server, calls: Sequence[Call]) -> None:
    """As a client does: all of it is acknowledged, whatever becomes of the graph meanwhile."""
    for start in range(0, len(calls), PER_REQUEST):
        batch = calls[start : start + PER_REQUEST]
        body = json.dumps({"batch": batch, "writeKey": server.write_key}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{server.address}/v1/batch", body, headers)
        with urllib.request.urlopen(request, timeout=60) as reply:
            assert reply.status == 200


def readiness(server: Server) -> int:
    try:
        with urllib.request.urlopen(f"{server.address}/readyz", timeout=60) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


# ── the processes ──────────────────────────────────────────────────────────────────────────────


class Workers:
    """So many processes, one of which is killed every few seconds. `kills`: how many were."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self._folder = folder
        self._settings = settings
        self._rng = random.Random(1)
        self._running: list[subprocess.Popen[bytes]] = []
        self.kills = 0

    async def kill_again_and_again(self, position: Callable[[], Awaitable[int]]) -> None:
        """`position`: how much is applied. One is killed when some seconds are over, and there was
        progress: on a busy machine all would be killed before they have begun."""
        self._start()
        while True:
            before = await position()
            await asyncio.sleep(self._rng.uniform(*BETWEEN_KILLS_S))
            while await position() == before:
                self._start()
                await asyncio.sleep(0.5)
            if self._running:
                victim = self._running.pop(self._rng.randrange(len(self._running)))
                victim.kill()
                victim.wait()
                self.kills += victim.returncode == -signal.SIGKILL
            self._start()

    def _start(self) -> None:
        """One that begins while Neo4j is away says so and ends: whoever keeps it starts it again."""
        ended = [one for one in self._running if one.poll() is not None]
        assert all(one.returncode == 2 for one in ended), self.told()
        self._running = [one for one in self._running if one not in ended]
        while len(self._running) < WORKERS:
            self._running.append(self._begun("worker"))

    def end(self) -> None:
        """As a user ends them."""
        for process in self._running:
            process.terminate()
        codes = {process.wait(120) for process in self._running}
        assert codes <= {0, -signal.SIGTERM}, self.told()  # some may just have begun

    def kill_all(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()

    async def run(self, *words: str) -> None:
        """A verb of the command; it must exit 0."""
        process = self._begun(*words)
        assert await asyncio.to_thread(process.wait, MOST_S) == 0, self.told()

    def told(self) -> str:
        return (self._folder / "told.txt").read_text(encoding="utf-8")[-4000:]

    def _begun(self, *words: str) -> subprocess.Popen[bytes]:
        with (self._folder / "told.txt").open("ab") as told:
            return subprocess.Popen(
                [sys.executable, "-m", "cdp", *words, "--data", str(self._folder)],
                env={**os.environ, **self._settings}, stdout=told, stderr=told,
            )  # fmt: skip


@contextmanager
def a_server() -> Iterator[Neo4jServer]:
    """One that may be stopped: the session's, or where that is given, one of its own."""
    known = the_server()
    if isinstance(known, GivenServer):
        with started() as own:
            yield own
    else:
        yield known


@asynccontextmanager
async def serving(folder: Path, settings: dict[str, str]) -> AsyncIterator[Server]:
    server = Server(folder, folder / "serve.txt", ("serve", "--no-worker"), **settings)
    try:
        yield server
    except BaseException:
        server.kill()
        raise
    assert await asyncio.to_thread(server.stop) == 0


async def applied(parts: Parts) -> int:
    """How many records; -1 while nobody can say."""
    try:
        return sum(one.position for one in await parts.store.checkpoints())
    except StoreUnavailable:
        return -1


async def until(holds: Callable[[], Awaitable[bool]], killing: asyncio.Task[None]) -> None:
    ends = time.monotonic() + MOST_S
    while not killing.done() and not await holds():
        assert time.monotonic() < ends
        await asyncio.sleep(0.2)


# ── the run ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.timeout(MOST_S * 3)
async def test_workers_that_are_killed(tmp_path: Path) -> None:
    with a_server() as neo4j:
        async with neo4j_place(neo4j.address) as place:
            settings = {**SETTINGS, "CDP_GRAPH": neo4j.address}
            workers = Workers(tmp_path, settings)
            try:
                async with serving(tmp_path, settings) as server:
                    await lived(tmp_path, server, neo4j, workers)
                workers.end()
            except BaseException:
                workers.kill_all()
                raise
            await workers.run("check")
            mine = await found(place, tmp_path)
            await workers.run("rebuild")
            again = await found(place, tmp_path)
    async with opened(build(load({"CDP_DATA": str(tmp_path), **SETTINGS}, {}))) as embedded:
        await apply_all(embedded)
        theirs = await said(embedded.store)
    assert mine["events"] == ROUNDS * LOGINS and mine["missing"] == []
    assert mine["dead"] == []
    for name, value in theirs.items():
        assert mine[name] == value, name
        assert again[name] == value, name


async def lived(folder: Path, server: Server, neo4j: Neo4jServer, workers: Workers) -> None:
    """All rounds. A round is over when all of it is applied, and one worker at least was killed."""
    settings = load({"CDP_DATA": str(folder), "CDP_GRAPH": neo4j.address, **SETTINGS}, {})
    began = time.monotonic()
    async with opened(build(settings)) as parts:
        killing = asyncio.create_task(workers.kill_again_and_again(lambda: applied(parts)))
        try:
            for number in range(ROUNDS):
                await a_round(number, parts, server, neo4j, workers, killing)
                took = time.monotonic() - began
                print(f"round {number + 1}: {workers.kills} kills, {took:.0f} s", flush=True)
        finally:
            killing.cancel()
            with suppress(asyncio.CancelledError):
                await killing  # what ended it comes out here


async def a_round(
    number: int, parts: Parts, server: Server, neo4j: Neo4jServer, workers: Workers,
    killing: asyncio.Task[None],
) -> None:  # fmt: skip
    kills, calls = workers.kills, logins(number)

    async def is_over() -> bool:
        end = sum(tail.position for tail in (await parts.log.tails()).values())
        return await applied(parts) == end and workers.kills > kills

    await asyncio.to_thread(send, server, calls[: LOGINS // 2])
    await parts.commands.append(decisions(number))
    if number == ROUNDS // 2:
        await away(server, neo4j, calls[LOGINS // 2 :])
    else:
        await asyncio.to_thread(send, server, calls[LOGINS // 2 :])
    undone = f"c_mistaken{number}"
    undoing = UndoChange(id=f"c_undone{number}", actor="ann", at=now(), change=undone)
    await parts.commands.append([undoing])
    await until(is_over, killing)


async def away(server: Server, neo4j: Neo4jServer, calls: Sequence[Call]) -> None:
    """Neo4j goes while there is work, and comes again; what is sent meanwhile is taken."""
    await asyncio.to_thread(neo4j.stop)
    await asyncio.to_thread(send, server, calls)
    assert await asyncio.to_thread(readiness, server) == 503
    await asyncio.sleep(AWAY_S)
    await asyncio.to_thread(neo4j.start)


# ── what came of it ────────────────────────────────────────────────────────────────────────────


async def found(place: Neo4jPlace, folder: Path) -> dict[str, Any]:
    """What Neo4j holds, and what it lacks."""
    parts = build(load({"CDP_DATA": str(folder), **place.settings, **SETTINGS}, {}))
    store = place.store(parts.ids.fingerprint)
    await store.open()
    try:
        answers = await said(store)
        mids = [call["messageId"] for number in range(ROUNDS) for call in logins(number)]
        placed: list[tuple[int, int] | None] = []
        for start in range(0, len(mids), 500):
            placed += await store.places(mids[start : start + 500])
        answers["missing"] = [mid for mid, at in zip(mids, placed, strict=True) if at is None]
        answers["dead"] = await store.dead_records((0, 0), 10)
    finally:
        await store.close()
    return answers


async def said(store: GraphStore) -> dict[str, Any]:
    """Who holds which identifier, and how it stands; what became of the decisions; how much there is."""
    held: dict[str, object] = {}
    async for part in store.walk_identifiers(500):
        held |= {i.key: (i.profile, i.status, i.first_at, i.last_at) for i in part}
    ids = [one.id for number in range(ROUNDS) for one in decisions(number)]
    ids += [f"c_undone{number}" for number in range(ROUNDS)]
    changes = await store.changes_by_ids(ids)
    totals = await store.totals()
    return {
        "identifiers": held, "events": totals.events, "totals": totals,
        "decided": [change and in_order(change) for change in changes],
    }  # fmt: skip


def in_order(change: IdentityChange) -> IdentityChange:
    sides = [
        tuple(sorted(side, key=lambda part: part.profile_id))
        for side in (change.before, change.after)
    ]
    return msgspec.structs.replace(change, before=sides[0], after=sides[1])
