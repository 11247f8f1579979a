"""`cdp dry-run` and `cdp identity`: other rules tried over the stored evidence, and a linter over it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
from rich.table import Table
from rich.text import Text

from cdp.bootstrap import Parts, build, opened
from cdp.cli.console import out, progress
from cdp.cli.ruling import read_file
from cdp.platform.evidence import StoredEvidence
from cdp.settings import Settings
from graph_schema.model.change import ChangePart
from graph_schema.model.rehearsal import Rehearsal, RehearsedChange


def dry_run(settings: Settings, *, file: Path, examples: int, as_json: bool) -> int:
    """Exit 0 where nothing would change, 1 where something would. Changes nothing."""
    others = read_file(file)

    async def run() -> Rehearsal:
        async with opened(build(settings)) as parts:
            with progress("reading the evidence") as report:
                return await _evidence(parts).rehearse(others, examples, report)

    found = asyncio.run(run())
    if as_json:
        out.print(msgspec.json.encode(found).decode(), soft_wrap=True)
    else:
        _print(found)
    return 1 if found.merges or found.splits or found.moves else 0


def lint_identity(settings: Settings, *, as_json: bool) -> int:
    """Exit 1 where something was found."""

    async def run() -> int:
        async with opened(build(settings)) as parts:
            with progress("reading the evidence") as report:
                findings = await _evidence(parts).lint(5, report)
        if as_json:
            out.print(msgspec.json.encode(findings).decode(), soft_wrap=True)
        for finding in () if as_json else findings:
            out.print(Text.assemble((finding.kind, "bold"), " ", finding.message))
            out.print(f"  {finding.advice}")
            if finding.examples:
                out.print(f"  such as {', '.join(finding.examples)}", soft_wrap=True)
        if not (findings or as_json):
            out.print("Nothing stands in the way of knowing who is who.")
        return 1 if findings else 0

    return asyncio.run(run())


def _evidence(parts: Parts) -> StoredEvidence:
    return StoredEvidence(parts.store, parts.rules, parts.ids)


def _print(found: Rehearsal) -> None:
    out.print(
        f"{found.profiles_before:,} profiles would be {found.profiles_after:,}: {found.merges:,} merges,"
        f" {found.splits:,} splits, {found.moves:,} moves. Nothing was changed."
    )
    if not found.examples:
        return
    table = Table("change", "profiles before", "profiles after", "identifiers", "rule")
    for change in found.examples:
        table.add_row(*_row(change))
    out.print(table)


def _row(change: RehearsedChange) -> tuple[str, ...]:
    def ids(parts: tuple[ChangePart, ...]) -> str:
        shown = [part.profile_id for part in parts[:3]]
        return " ".join(shown) + (f" and {len(parts) - 3} more" if len(parts) > 3 else "")

    identifiers = sum(len(part.identifiers) for part in change.before)
    rule = change.rule.value if change.rule else ""
    return change.kind.value, ids(change.before), ids(change.after), str(identifiers), rule
