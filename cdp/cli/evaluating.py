"""`cdp evaluate identity`: against a truth, and with logins hidden."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table

from cdp.bootstrap import Parts, build, opened
from cdp.cli.console import out, progress
from cdp.evaluation import plain
from cdp.evaluation.gather import gather
from cdp.evaluation.report import Contents, html, write_report
from cdp.evaluation.truth import read_truth
from cdp.platform.rules import KnownRules
from cdp.settings import Settings
from graph_schema.errors import BadInput
from identity.evaluation.assess import assess
from identity.evaluation.assessment import ALL, SESSIONS, Assessment, Row
from identity.evaluation.growth import sizes_over_time
from identity.evaluation.masking import Masked, mask
from identity.evaluation.measures import Measure
from identity.evaluation.standing import Place
from identity.evaluation.subjects import evidence_of


class Asked(msgspec.Struct, frozen=True):
    """What is to be evaluated. `truth`: the folder of a simulation; `hidden`: the share of the logins
    that is hidden; `report`: the HTML file to write."""

    truth: Path | None = None
    hidden: float | None = None
    seed: int = 1
    report: Path | None = None


def evaluate_identity(settings: Settings, asked: Asked, *, as_json: bool) -> int:
    """Raises BadInput where nothing is asked, or the truth cannot be read."""
    if asked.truth is None and asked.hidden is None:
        raise BadInput(reason="Give --truth DIR, or --mask-logins SHARE, or both.")
    if asked.hidden is not None and not 0 < asked.hidden <= 1:
        raise BadInput(reason="--mask-logins takes a share above 0 and up to 1.")

    async def run() -> Contents:
        async with opened(build(settings)) as parts:
            return await evaluated(parts, asked)

    found = asyncio.run(run())
    if asked.report is not None:
        write_report(asked.report, html(found))
    if as_json:
        out.print_json(data=_plain(found))
        return 0
    if found.assessment is not None:
        print_assessment(found.assessment)
    if found.masked is not None:
        print_masked(found.masked)
    if asked.report is not None:
        out.print(f"Written to {asked.report}.", soft_wrap=True)
    return 0


async def evaluated(parts: Parts, asked: Asked) -> Contents:
    """Reads the graph and measures it."""
    rules = await KnownRules(parts.store, parts.rules).in_force()
    truth = read_truth(asked.truth, rules) if asked.truth is not None else None
    with progress("reading the graph") as report:
        graph = await gather(parts.store, rules, report)
    return Contents(
        profiles=len({i.profile for i in graph.identifiers.values() if i.profile is not None}),
        identifiers=len(graph.identifiers),
        sessions=len(graph.sessions),
        merged=graph.merged,
        assessment=assess(graph, truth, rules) if truth is not None else None,
        masked=mask(graph.sessions, rules, asked.hidden, asked.seed)
        if asked.hidden is not None
        else None,
        growth=tuple(sizes_over_time(evidence_of(graph.events()), rules))
        if asked.report is not None
        else (),
    )


def _plain(found: Contents) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if found.assessment is not None:
        shown |= plain.assessment(found.assessment)
    if found.masked is not None:
        shown["masked"] = plain.masked(found.masked)
    return shown


# ── tables ─────────────────────────────────────────────────────────────────────────────────────


def print_assessment(found: Assessment) -> None:
    """Everything but the scopes of events and identifiers, which `--json` has."""
    _print_rows(row for row in found.rows if row.level == SESSIONS or row.scope == ALL)
    if found.mixed or found.absent:
        out.print(
            f"{found.mixed} sessions hold events of several people;"
            f" {found.absent} events of the truth are in no profile."
        )
    _print_devices(found)
    print_wrong("false pairs of sessions: one profile, two people", found.false)
    print_wrong("missed pairs of sessions: one person, two profiles", found.missed)


def print_sessions(found: Assessment) -> None:
    """The short form: sessions, and which of their pairs are false."""
    _print_rows(row for row in found.rows if row.level == SESSIONS)
    print_wrong("false pairs of sessions: one profile, two people", found.false)


def _print_rows(rows: Iterable[Row]) -> None:
    shown = _table("pairwise", "precision", "recall", "F1", "B³ F1", "exact")
    part = None
    for row in rows:
        found = row.evaluation
        if part != (row.level, row.scope):
            part = (row.level, row.scope)
            shown.add_section()
            shown.add_row(f"{row.level}, {row.scope}: {found.elements:,}", style="bold")
        shown.add_row(
            f"  {row.method}", *_measure(found.pairwise), f"{found.b_cubed.f1:.4f}",
            f"{found.exact:.4f}",
        )  # fmt: skip
    out.print(shown)


def _print_devices(found: Assessment) -> None:
    shown = _table("sessions by device", "n", "precision", "recall", "F1")
    for title, strict in (("graph", True), ("graph, shared nobody's", False)):
        shown.add_section()
        shown.add_row(title, style="bold")
        for device, strata in found.devices.items():
            of = strata[0 if strict else 1]
            shown.add_row(f"  {device}", f"{of.elements:,}", *_measure(of.pairwise))
    out.print(shown)


def print_wrong(title: str, pairs: Mapping[Place, int]) -> None:
    total = sum(pairs.values())
    if not total:
        out.print(f"{title}: none")
        return
    shown = Table("device", "what the rule goes by", title=title)
    shown.add_column("pairs", justify="right")
    shown.add_column("share", justify="right")
    for place, count in pairs.items():
        shown.add_row(place.device, place.standing.why, str(count), f"{count / total:.1%}")
    shown.add_section()
    shown.add_row("all", "", str(total), "")
    out.print(shown)


def print_masked(found: Masked) -> None:
    if not found.hidden:
        out.print(
            f"{found.logins:,} sessions log in on a device, none was hidden: nothing to find."
        )
        return
    out.print(
        f"{found.hidden:,} of {found.logins:,} logins hidden. The device of {found.reachable:,} of"
        " them still sees the same user at another time."
    )
    shown = _table(
        "whose they are found", "right", "wrong", "nobody's", "precision", "recall", "F1"
    )
    for name, of in found.found.items():
        shown.add_row(name, str(of.right), str(of.wrong), str(of.nobody), *_measure(of.measure))
    out.print(shown)


def _table(first: str, *numbers: str) -> Table:
    shown = Table()
    shown.add_column(first)
    for name in numbers:
        shown.add_column(name, justify="right", no_wrap=True)
    return shown


def _measure(found: Measure) -> tuple[str, str, str]:
    return f"{found.precision:.4f}", f"{found.recall:.4f}", f"{found.f1:.4f}"
