"""What the dry run lists is what applying does; on a simulated shop of CDP_SHOP_PEOPLE people."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from cdp.bootstrap import Parts, build, opened
from cdp.cli.main import run
from cdp.cli.ruling import read_file
from cdp.platform.evidence import StoredEvidence
from cdp.settings import load
from graph_schema.model.command import ChangeRules
from graph_schema.model.identifier import Key
from graph_schema.model.rehearsal import Rehearsal

PEOPLE = int(os.environ.get("CDP_SHOP_PEOPLE", "60"))
OTHERS = {
    "dominance .6/.4": "[dominance]\nfrom = 0.6\nuntil = 0.4\n",
    "dominance .7/.5": "[dominance]\nfrom = 0.7\nuntil = 0.5\n",
    "dominance .9/.8": "[dominance]\nfrom = 0.9\nuntil = 0.8\n",
    "user_id limit 2": "[namespaces.user_id]\nlimit = 2\n",
    "anonymous_id limit 1": "[namespaces.anonymous_id]\nlimit = 1\n",
}
ALL = 1_000_000

T = TypeVar("T")
Cdp = Callable[..., tuple[int, str, str]]
Partition = dict[str, frozenset[Key]]


@pytest.fixture
def cdp(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cdp:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = run([*arguments, "--data", str(tmp_path / "data")])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


@pytest.fixture
def shop(cdp: Cdp, tmp_path: Path) -> Cdp:
    out = tmp_path / "shop"
    until = "2026-11-20T00:00Z"
    code, _, told = cdp("simulate", "--out", str(out), "--people", str(PEOPLE), "--until", until)
    assert code == 0, told
    assert cdp("import", str(out / "events.ndjson.gz"))[0] == 0
    assert cdp("worker", "--until-idle")[0] == 0
    return cdp


def on(data: Path, ask: Callable[[Parts], Awaitable[T]]) -> T:
    """Asks the stores of an installation."""

    async def run() -> T:
        async with opened(build(load({"CDP_DATA": str(data)}, {}))) as parts:
            return await ask(parts)

    return asyncio.run(run())


async def partition(parts: Parts) -> Partition:
    held: dict[str, set[Key]] = {}
    async for chunk in parts.store.walk_identifiers(5_000):
        for one in chunk:
            if one.profile is not None:
                held.setdefault(one.profile, set()).add(one.key)
    return {id_: frozenset(keys) for id_, keys in held.items()}


def foretold(before: Partition, found: Rehearsal) -> Partition:
    """What the listed changes make of the profiles."""
    after = dict(before)
    for change in found.examples:
        for part in change.before:
            assert after.pop(part.profile_id) == frozenset(part.identifiers)
    for change in found.examples:
        after |= {part.profile_id: frozenset(part.identifiers) for part in change.after}
    return after


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Shows figures of a shop whose size was chosen."""

    def show(line: str) -> None:
        if "CDP_SHOP_PEOPLE" in os.environ:
            with capsys.disabled():
                print(line)

    return show


def test_the_dry_run_lists_what_applying_does(
    shop: Cdp, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    data = tmp_path / "data"
    first = before = on(data, partition)
    changed = 0
    for number, (name, text) in enumerate(OTHERS.items()):
        file = tmp_path / f"{number}.toml"
        file.write_text(text)
        rules = read_file(file)
        command = ChangeRules(id=f"c_{number}", actor="ann", at=0, rules=rules, note=name)
        found = on(
            data,
            lambda parts, rules=rules: StoredEvidence(parts.store, parts.rules, parts.ids).rehearse(
                rules, ALL
            ),
        )
        on(data, lambda parts, command=command: parts.commands.append([command]))
        began = time.perf_counter()
        assert shop("worker", "--until-idle")[0] == 0
        took = time.perf_counter() - began
        after = on(data, partition)
        assert after == foretold(before, found), name
        assert (len(before), len(after)) == (found.profiles_before, found.profiles_after), name
        # The second rules are those that the graph began with, and the third change the most.
        changed += bool(found.examples)
        tell(
            f"{name}: {len(before)} profiles, {len(after)} after: {found.merges} merges,"
            f" {found.splits} splits, {found.moves} moves; applied in {took:.1f} s"
        )
        before = after
    assert changed >= 2
    code, told, _ = shop("identity", "apply", "--version", "1")
    assert code == 0
    assert "not applied yet" in told
    assert shop("worker", "--until-idle")[0] == 0
    assert on(data, partition) == first
    code, told, _ = shop("check")
    assert code == 0, told
    code, told, _ = shop("identity", "versions", "--json")
    newest, *_, oldest = json.loads(told)
    assert (newest["resolved"], oldest["version"], oldest["since"]) == (1.0, 1, None)
    code, told, _ = shop("rebuild")
    assert "equals the old one" in told


def test_what_events_name_cannot_be_changed_by_a_command(shop: Cdp, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text('[blocked]\nvalues = ["ann"]\n[namespaces.email]\nrank = 7\n')
    shop("identity", "apply", str(file), "--key", "once")
    assert shop("worker", "--until-idle")[0] == 0
    code, _, told = shop("identity", "apply", str(file), "--key", "once")
    assert code == 1
    assert "RULES_FIXED: blocked, namespaces.email" in told
    assert len(json.loads(shop("identity", "versions", "--json")[1])) == 1


def test_what_is_to_be_applied_is_named_once(cdp: Cdp, tmp_path: Path) -> None:
    assert cdp("identity", "apply")[0] == 2
    code, _, told = cdp("identity", "apply", "--version", "7")
    assert code == 2
    assert "There is no version 7" in told
