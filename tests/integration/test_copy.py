"""`cdp copy`: what is no target, and that what is compared is what the log decides."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from neo4j_server import the_server

from cdp.bootstrap import build, opened
from cdp.cli.applying import apply_all
from cdp.cli.demo import SEGMENTS
from cdp.cli.importing import Summary, import_file
from cdp.pipeline.comparing.compare import compare
from cdp.settings import load
from cdp.simulate import simulate, write
from graph_schema.model.command import CreateSegment, MergeProfiles
from graph_schema.model.time import now
from graph_schema.neo4j.address import parse
from graph_schema.store import Span

PEOPLE = 30
SMALL = {"CDP_BATCH_SIZE": "50"}


async def shop(folder: Path, people: int = PEOPLE, *, merging: bool = False) -> None:
    """The log of a shop, with segments. Its graph is applied half way. `merging`: two people
    are taken for one."""
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
        first, second, *_ = await parts.store.profile_ids_after("", 10)
        held = await parts.store.identifier_pages([first, second], None, Span(1000))
        sets = tuple(tuple(one.key for one in page.items) for page in held)
        await parts.commands.append([
            *([MergeProfiles(id="by-hand", actor="test", at=now(), parts=sets)] if merging else ()),
            *(
                CreateSegment(id=key, actor="test", at=now(), key=key, name=name, rule=rule)
                for key, (name, rule) in SEGMENTS.items()
            ),
        ])  # fmt: skip


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


async def test_batches_of_any_size_give_the_same(tmp_path: Path) -> None:
    """Two embedded graphs of one log, one record at a time and a thousand: what is compared is what
    the log decides, and no batch."""
    await shop(tmp_path, 20, merging=True)
    found = []
    for size in ("1", "1000"):
        settings = load({"CDP_DATA": str(tmp_path / "data"), "CDP_BATCH_SIZE": size}, {})
        found.append(build(settings, graph=tmp_path / f"{size}.db"))
    async with opened(found[0]) as one, opened(found[1]) as other:
        await apply_all(one)
        await apply_all(other)
        answers = await compare(one.log, one.store, other.store, one.ids, tmp_path / "compared.db")
    assert [answer for answer in answers if answer.differ] == []
    assert {answer.kind for answer in answers if answer.source} >= {
        "changes",
        "decisions",
        "memberships",
    }
