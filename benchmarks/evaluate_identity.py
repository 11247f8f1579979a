"""How well people are told apart: simulated shops of several seeds, with and without shared devices.

Every shop goes through the product: simulate, import, worker, then `cdp evaluate identity`. The rule
stands beside connected components and first-login-wins over the same evidence, beside itself with
other dominance bands, and beside a ceiling that is told who mostly uses each device.
"""

from __future__ import annotations

# ruff: noqa: E402 - the path has to be right before the first import
import sys
from pathlib import Path

# This file's own folder would hide libraries: benchmarks/graphql.py has the name of one.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Iterable

import msgspec

from cdp.bootstrap import build, opened
from cdp.cli.applying import apply_all
from cdp.cli.importing import Summary, import_file
from cdp.evaluation.gather import gather
from cdp.evaluation.truth import read_truth
from cdp.settings import load
from cdp.simulate import simulate, write
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import from_iso
from identity.evaluation.assess import assess
from identity.evaluation.assessment import (
    ALL,
    CEILING,
    GRAPH,
    OWN_SAW_LOGIN,
    SAW_LOGIN,
    SESSIONS,
    UNATTRIBUTED,
    Assessment,
)
from identity.evaluation.masking import Masked, mask
from identity.evaluation.methods import COMPONENTS, FIRST_LOGIN
from identity.evaluation.rehearse import under
from identity.evaluation.standing import Place

UNTIL = from_iso("2026-03-01T00:00:00Z")
METHODS = (GRAPH, UNATTRIBUTED, COMPONENTS, FIRST_LOGIN, CEILING)
NOBODYS = "  and shared nobody's"
BANDS = ((0.6, 0.4), (0.9, 0.8), (1.0, 0.99))


class Shop(msgspec.Struct, frozen=True):
    """`kiosk`, `tablets`: whether it has those."""

    name: str
    kiosk: bool
    tablets: bool


SHOPS = (
    Shop("kiosk and tablets", True, True),
    Shop("no kiosk", False, True),
    Shop("no tablets", True, False),
    Shop("neither", False, False),
)


class Outcome(msgspec.Struct, frozen=True):
    assessment: Assessment
    masked: Masked
    bands: dict[tuple[float, float], Assessment]


async def outcome(folder: Path, shop: Shop, people: int, days: int, seed: int) -> Outcome:
    truth = folder / "truth"
    write(simulate(people, days, seed, UNTIL, kiosk=shop.kiosk, tablets=shop.tablets), truth)
    async with opened(build(load({"CDP_DATA": str(folder / "data")}))) as parts:
        for name in ("items.ndjson", "events.ndjson.gz"):
            await import_file(parts, truth / name, Summary(), form="segment", mapping={})
        await apply_all(parts)
        graph = await gather(parts.store, parts.rules)
        known = read_truth(truth, parts.rules)
        bands = {
            band: assess(under(graph, other), known, other)
            for band in (BANDS if shop == SHOPS[0] else ())
            for other in [_with_band(parts.rules, band)]
        }
        return Outcome(
            assess(graph, known, parts.rules), mask(graph.sessions, parts.rules, 0.2, seed), bands
        )


def _with_band(rules: IdentityRules, band: tuple[float, float]) -> IdentityRules:
    return msgspec.structs.replace(rules, dominant_from=band[0], dominant_until=band[1])


def show(shop: Shop, seed: int, found: Outcome, seconds: float) -> None:
    assessment = found.assessment
    print(
        f"\n{shop.name}, seed {seed}: {assessment.sessions:,} sessions, {assessment.mixed} of several"
        f" people ({seconds:.0f} s)"
    )
    print(f"  {'':24}" + "".join(f"{scope:>32}" for scope in (ALL, SAW_LOGIN, OWN_SAW_LOGIN)))
    for method in METHODS:
        print(f"  {method:24}" + _cells(assessment, method))
    for (begin, end), other in found.bands.items():
        print(f"  {f'graph, band {begin}/{end}':24}" + _cells(other, GRAPH))
        print(f"  {NOBODYS:24}" + _cells(other, UNATTRIBUTED))
    hidden = found.masked
    print(f"  {hidden.hidden} of {hidden.logins} logins hidden, {hidden.reachable} reachable:")
    for name, of in hidden.found.items():
        measure = of.measure
        print(
            f"  {name:24} right {of.right:4} wrong {of.wrong:4} nobody's {of.nobody:4}"
            f"   {measure.precision:.4f} {measure.recall:.4f} {measure.f1:.4f}"
        )


def _cells(assessment: Assessment, method: str) -> str:
    rows = (
        assessment.row(SESSIONS, scope, method).pairwise
        for scope in (ALL, SAW_LOGIN, OWN_SAW_LOGIN)
    )
    return "".join(f"{f'{m.precision:.4f} {m.recall:.4f} {m.f1:.4f}':>32}" for m in rows)


def show_pairs(title: str, found: Iterable[dict[Place, int]]) -> None:
    total: Counter[Place] = Counter()
    for pairs in found:
        total.update(pairs)
    print(f"  {title}: {total.total():,}")
    for place, count in total.most_common():
        print(f"    {count:6,}  {count / total.total():6.1%}  {place.device}: {place.standing.why}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print("pairwise precision, recall and F1 of sessions")
    for shop in SHOPS:
        outcomes: list[Outcome] = []
        for seed in range(1, options.seeds + 1):
            started = time.monotonic()
            with tempfile.TemporaryDirectory() as folder:
                found = asyncio.run(outcome(Path(folder), shop, options.people, options.days, seed))
            outcomes.append(found)
            show(shop, seed, found, time.monotonic() - started)
        print(f"\n{shop.name}, all seeds:")
        show_pairs("false pairs", (o.assessment.false for o in outcomes))
        show_pairs("missed pairs", (o.assessment.missed for o in outcomes))


if __name__ == "__main__":
    main()
