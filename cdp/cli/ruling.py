"""`cdp identity apply|rules|versions`: rules put in force, and how far everybody is resolved by them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.table import Table

from cdp.bootstrap import Parts, build, opened
from cdp.cli.console import err, out
from cdp.platform.naming import command_id
from cdp.platform.rules import KnownRules
from cdp.settings import Settings
from graph_schema.errors import BadInput
from graph_schema.model.command import ChangeRules, Outcome
from graph_schema.model.rules import IdentityRules, RulesVersion
from graph_schema.model.time import now, to_iso
from identity.rules_file import RulesRefused, read_rules, write_rules

ACTOR = "cli"


class Standing(msgspec.Struct, frozen=True):
    """A version of the rules. `resolved`: the share of the identifiers that it has resolved, of the one
    in force."""

    version: int
    since: str | None
    actor: str
    note: str | None
    change: str
    undoes: str | None
    resolved: float | None


class Asked(msgspec.Struct, frozen=True):
    """The rules of `file`, or those of an earlier `version`. `key`: the same key again asks for nothing
    new."""

    file: Path | None = None
    version: int | None = None
    note: str | None = None
    key: str | None = None


def apply_rules(settings: Settings, asked: Asked, *, as_json: bool) -> int:
    """Exit 1 where they are not put in force. Raises BadInput, RulesRefused."""
    if (asked.file is None) == (asked.version is None):
        raise BadInput(reason="Name a file of rules, or with --version an earlier version.")
    stated = read_file(asked.file) if asked.file is not None else None

    async def run() -> tuple[str, Outcome | None]:
        async with opened(build(settings)) as parts:
            rules = stated or await _earlier(parts, asked.version)
            id_ = command_id("rules", ACTOR, asked.key)
            (known,) = await parts.store.outcomes([id_])
            if known is None:
                command = ChangeRules(id=id_, actor=ACTOR, at=now(), rules=rules, note=asked.note)
                known = await parts.commands.ask(command)
            return id_, known

    change, outcome = asyncio.run(run())
    if as_json:
        out.print_json(data={"change": change, "outcome": msgspec.to_builtins(outcome)})
    elif outcome is None:
        out.print("Recorded, not applied yet: a worker puts them in force when it comes to them.")
    elif outcome.problem:
        err.print(f"{outcome.problem}: {outcome.message}", soft_wrap=True)
    else:
        out.print("In force. Everybody is resolved by them, some at a time, while events go on:")
        out.print(f"`cdp identity versions` tells how far. To take it back: undoChange {change}")
    return 1 if outcome is not None and outcome.problem else 0


def read_file(file: Path) -> IdentityRules:
    """Raises BadInput where it cannot be read, RulesRefused where it is wrong; tells every mistake."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(reason=f"{file} cannot be read: {error}.") from error
    try:
        return read_rules(text)
    except RulesRefused as refused:
        for mistake in refused.mistakes:
            err.print(f"{'.'.join(mistake.path)}: {mistake.message}", soft_wrap=True)
        raise


def show_rules(settings: Settings) -> int:
    """The rules in force, as a file to begin with."""

    async def run() -> IdentityRules:
        async with opened(build(settings)) as parts:
            return await KnownRules(parts.store, parts.rules).in_force()

    out.print(write_rules(asyncio.run(run())), soft_wrap=True, end="")
    return 0


def show_versions(settings: Settings, *, as_json: bool) -> int:
    """All versions, the newest first."""

    async def run() -> list[Standing]:
        async with opened(build(settings)) as parts:
            versions = await KnownRules(parts.store, parts.rules).versions()
            newest = versions[-1]
            left = 0
            if newest.walked is not None:
                left = await parts.store.outdated_count(newest.version)
            total = max(1, (await parts.store.totals()).identifiers)
            return _standings(versions, 1 - min(left, total) / total)

    found = asyncio.run(run())
    if as_json:
        out.print_json(data=msgspec.to_builtins(found))
        return 0
    table = Table("version", "since", "by", "note", "resolved", "change")
    for one in found:
        table.add_row(
            str(one.version), one.since or "the beginning", one.actor, one.note or "",
            "" if one.resolved is None else f"{one.resolved:.1%}", one.change,
        )  # fmt: skip
    out.print(table)
    return 0


async def _earlier(parts: Parts, number: int | None) -> IdentityRules:
    for version in await KnownRules(parts.store, parts.rules).versions():
        if version.version == number:
            return version.rules
    raise BadInput(reason=f"There is no version {number}: `cdp identity versions` lists them.")


def _standings(versions: Sequence[RulesVersion], resolved: float) -> list[Standing]:
    return [
        Standing(
            one.version,
            to_iso(one.rec) if one.rec else None,
            one.actor,
            one.note,
            one.change,
            one.undoes,
            resolved if one is versions[-1] else None,
        )
        for one in reversed(versions)
    ]
