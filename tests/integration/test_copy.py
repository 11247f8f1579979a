"""`cdp copy`: a shop moves from SQLite to Neo4j, though it is killed twice on the way; what is not the
same is named, and what is not the shop's is left as it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from neo4j_server import the_server
from stores import Neo4jPlace, neo4j_place

from cdp.bootstrap import Parts, build, opened
from cdp.cli.applying import apply_all
from cdp.cli.copying import _settle
from cdp.cli.demo import SEGMENTS
from cdp.cli.importing import Summary, import_file
from cdp.eventlog.partitioning import COMMANDS
from cdp.pipeline.comparing.compare import compare
from cdp.pipeline.comparing.things import KINDS
from cdp.settings import load
from cdp.simulate import simulate, write
from graph_schema.model.change import ChangeStatus
from graph_schema.model.command import (
    Command,
    CreateSegment,
    MergeProfiles,
    SplitProfile,
    UndoChange,
)
from graph_schema.model.evidence import Waiting
from graph_schema.model.item import Item
from graph_schema.model.time import now
from graph_schema.neo4j.address import parse
from graph_schema.store import Delta, GraphStore, Span

PEOPLE = 30
SMALL = {"CDP_BATCH_SIZE": "50"}


async def shop(folder: Path, people: int = PEOPLE) -> None:
    """The log of a shop, with decisions by hand and segments. Its graph is applied half way."""
    write(simulate(people, 10, 1, now()), folder / "shop", lambda share: None)
    settings = load({"CDP_DATA": str(folder / "data"), **SMALL}, {})
    async with opened(build(settings)) as parts:
        await import_file(
            parts, folder / "shop/items.ndjson", Summary(), form="shop", mapping={}
        )  # fmt: skip
        await import_file(
            parts, folder / "shop/events.ndjson.gz", Summary(), form="segment", mapping={}
        )  # fmt: skip
        await apply_all(parts)
        await parts.commands.append([
            *await decisions(parts.store),
            *(
                CreateSegment(id=key, actor="test", at=now(), key=key, name=name, rule=rule)
                for key, (name, rule) in SEGMENTS.items()
            ),
        ])  # fmt: skip


async def decisions(store: GraphStore) -> list[Command]:
    """Two people are taken for one; two others too, which is taken back; of a fifth a device is taken
    away."""
    ids = await store.profile_ids_after("", 1000)
    pages = await store.identifier_pages(ids, None, Span(1000))
    held = [tuple(one.key for one in page.items) for page in pages if len(page.items) > 1]
    first, second, third, fourth, fifth, *_ = held
    asked = {"actor": "test", "at": now()}
    return [
        MergeProfiles(id="c_merged", parts=(first, second), **asked),
        MergeProfiles(id="c_mistaken", parts=(third, fourth), **asked),
        SplitProfile(id="c_split", taken=fifth[:1], rest=fifth[1:], **asked),
        UndoChange(id="c_undone", change="c_mistaken", **asked),
    ]


def command(folder: Path, *more: str, to: str | None = None) -> list[str]:
    address = the_server().address if to is None else to
    return [sys.executable, "-m", "cdp", "copy", "--to", address, "--data", str(folder), *more]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    known = {name: text for name, text in os.environ.items() if not name.startswith("CDP_")}
    return known | SMALL | {"CDP_LEASE": "1"} | dict(settings)


def copied(
    folder: Path, *more: str, to: str | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(folder, *more, to=to), env=environment(settings), capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert parse(the_server().address).password not in done.stdout + done.stderr
    return done


def begun(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(folder), env=environment({}), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


async def positions(place: Neo4jPlace) -> int:
    rows = await place.run("MATCH (c:Checkpoint) RETURN coalesce(sum(c.position), 0)")
    found = rows[0][0]
    assert isinstance(found, int)
    return found


async def killed(folder: Path, place: Neo4jPlace) -> int:
    """Starts the copy and kills it once it has gone on a little. Where the target stands."""
    before = await positions(place)
    process = begun(folder)
    until = time.monotonic() + 120
    while await positions(place) < before + 100:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    return await positions(place)


def differing(done: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    answer = json.loads(done.stdout)
    return {one["kind"]: one["examples"] for one in answer["kinds"] if one["differ"]}


async def test_a_shop_moves_though_it_is_killed_twice(tmp_path: Path) -> None:
    await shop(tmp_path)
    data = tmp_path / "data"
    async with neo4j_place() as place:
        once = await killed(data, place)
        twice = await killed(data, place)
        assert 0 < once < twice
        done = copied(data, "--json")
        assert done.returncode == 0, differing(done)
        end = await positions(place)
        assert twice < end
        assert f"{twice:,} of {end:,} records are there already" in done.stderr
        answer = json.loads(done.stdout)
        assert answer["equal"] and [one["kind"] for one in answer["kinds"]] == list(KINDS)
        counts = {one["kind"]: one["source"] for one in answer["kinds"]}
        assert all(counts[kind] for kind in KINDS if kind != "dead_records"), counts
        assert all(one["source"] == one["target"] for one in answer["kinds"])

        again = copied(data)
        assert again.returncode == 0
        assert await positions(place) == end
        shown = parse(the_server().address).shown.replace("://", "://neo4j:••••••@")
        assert again.stdout.endswith(f"CDP_GRAPH={shown}\n")
        await what_is_tampered_with_is_named(data, place)
        await what_is_another_log_s_is_refused(tmp_path, place)


async def what_is_tampered_with_is_named(data: Path, place: Neo4jPlace) -> None:
    ((event,),) = await place.run("MATCH (e:Event) WITH e ORDER BY e.id LIMIT 1 RETURN e.id")
    ((person,),) = await place.run(
        "MATCH (p:Profile)-[m:MEMBER_OF]->(s:Segment {key: 'browsers'})"
        " WITH p, m ORDER BY p.id LIMIT 1 WITH p.id AS id, m DELETE m RETURN id"
    )
    ((known,),) = await place.run(
        "MATCH (i:Identifier) WHERE i.namespace = 'email' WITH i ORDER BY i.key LIMIT 1"
        " SET i.lastSeenAt = i.lastSeenAt + 1 RETURN i.id"
    )
    await place.run("MATCH (e:Event {id: $id}) SET e.digest = $x", id=event, x=b"0")
    await place.run(
        "CREATE (:Item {id: 'sku-of-nobody', body: $body})",
        body=msgspec.json.encode(Item("sku-of-nobody", 1)).decode(),
    )
    done = copied(data, "--json")
    assert done.returncode == 1, done
    found = differing(done)
    assert found["events"] == [f"{event} is another in the target"]
    assert found["memberships"] == [f"browsers {person} is not in the target"]
    assert found["identifiers"] == [f"{known} is another in the target"]
    assert found["items"] == ["sku-of-nobody is in the target only"]
    assert found["totals"] == ["items is another in the target"]
    assert found.keys() == {"events", "memberships", "identifiers", "items", "totals"}
    told = copied(data)
    assert told.returncode == 1 and "CDP_GRAPH should stay as it is" in told.stdout
    assert "@" not in told.stdout + told.stderr
    await place.run("MATCH (i:Item {id: 'sku-of-nobody'}) SET i.body = '{'")
    damaged = copied(data)
    assert damaged.returncode == 2 and damaged.stdout == "", damaged
    assert "STORE_CORRUPT: The target" in damaged.stderr and "Traceback" not in damaged.stderr


async def what_is_another_log_s_is_refused(folder: Path, place: Neo4jPlace) -> None:
    await shop(folder / "other", 15)
    other = folder / "other/data"
    before = await place.contents()
    keyless = copied(other)
    assert keyless.returncode == 2 and keyless.stderr.startswith("WRONG_HASH_KEY: "), keyless
    secret = (folder / "data/credentials.toml").read_text(encoding="utf-8")
    (other / "credentials.toml").write_text(secret, encoding="utf-8")
    (other / "graph.db").unlink()
    foreign = copied(other)
    assert foreign.returncode == 2 and "WRONG_LOG: " in foreign.stderr, foreign
    assert await place.contents() == before


@pytest.mark.parametrize(
    ("to", "graph", "told"),
    [
        ("sqlite", "sqlite", "--to is wrong: it must look like neo4j://"),
        ("neo4j://u:no-such-password@h:port/x", "sqlite", "--to is wrong: it is no address"),
        ("neo4j://u:x@h/db", "neo4j://v:y@h/db", "is at neo4j://h:7687/db already"),
        ("neo4j://u:x@h/db", "neo4j://v:y@other/db", "CDP_GRAPH must be sqlite"),
    ],
)
def test_what_is_no_target(tmp_path: Path, to: str, graph: str, told: str) -> None:
    done = copied(tmp_path, to=to, CDP_GRAPH=graph)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1, done
    assert done.stderr.startswith("BAD_INPUT: ") and told in done.stderr
    assert "no-such-password" not in done.stderr


def test_nothing_answers_at_the_target(tmp_path: Path) -> None:
    done = copied(tmp_path, to="neo4j://u:no-such-password@127.0.0.1:1/db")
    assert done.returncode == 2 and done.stdout == "", done
    assert "STORE_UNREACHABLE: " in done.stderr and "or correct --to." in done.stderr
    assert "CDP_GRAPH" not in done.stderr and "no-such-password" not in done.stderr


async def test_batches_of_any_size_give_the_same(tmp_path: Path) -> None:
    """Two embedded graphs of one log, one record at a time and a thousand: what is compared is what
    the log decides, and no batch."""
    await shop(tmp_path, 20)
    found = []
    for size in ("1", "1000"):
        settings = load({"CDP_DATA": str(tmp_path / "data"), "CDP_BATCH_SIZE": size}, {})
        found.append(build(settings, graph=tmp_path / f"{size}.db"))
    async with opened(found[0]) as one, opened(found[1]) as other:
        await apply_all(one)
        await apply_all(other)
        await set_aside(other)
        await _settle(one, other)
        assert await other.store.waiting(1) == []
        answers = await compare(one.log, one.store, other.store, one.ids, tmp_path / "compared.db")
        decided = await one.store.changes_by_ids(["c_merged", "c_mistaken", "c_split", "c_undone"])
    assert [change and change.status for change in decided] == [ChangeStatus.APPLIED] * 4
    assert [answer for answer in answers if answer.differ] == []
    assert {answer.kind for answer in answers if answer.source} >= {
        "changes",
        "decisions",
        "memberships",
    }


async def set_aside(parts: Parts) -> None:
    """Evidence that waits for the background, as the batch of a large cluster leaves it."""
    edge = next(iter([edges[0] async for edges in parts.store.walk_edges(1)]))
    at = await parts.store.checkpoint(COMMANDS, parts.log.log_id)
    async with parts.store.batch(at) as batch:
        await batch.write(Delta(rec=at.rec, waiting=[Waiting(edge.a, edge.b, "m", at.rec)]))
        await batch.advance(at.position, at.rec)
    assert len(await parts.store.waiting(2)) == 1
