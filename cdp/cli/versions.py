"""`cdp models`: the versions of the recommender."""

from __future__ import annotations

import asyncio

import msgspec
from rich.table import Column, Table

from cdp.bootstrap import build, opened
from cdp.cli.console import out
from cdp.evaluation.watching import watch
from cdp.settings import Settings
from gnn.artifacts import RecommenderVersion
from gnn.canary import InService
from gnn.watch import Watch
from graph_schema.errors import BadInput
from graph_schema.model.time import now, to_iso


def list_versions(settings: Settings, *, as_json: bool) -> int:
    """Prints what is stored, the newest first."""
    artifacts = build(settings).artifacts
    service, versions = artifacts.in_service(), artifacts.versions()
    if as_json:
        found = [
            {
                **msgspec.to_builtins(one),
                "active": one.id == service.active,
                "share": service.share(one.id),
            }
            for one in versions
        ]
        out.print_json(data=found)
        return 0
    # The other verbs ask for the whole name: it is not shortened, whatever the width.
    longest = max((len(one.name) for one in versions), default=0)
    name = Column("name", no_wrap=True, min_width=longest)
    shown = Table(name, "in service", "model", "trained", "NDCG@20", "items")
    for one in versions:
        shown.add_row(
            one.name, _standing(one.id, service), one.model, to_iso(one.trained_at)[:16],
            _ndcg(one), f"{one.items:,}",
        )  # fmt: skip
    out.print(shown)
    return 0


def use_version(settings: Settings, name: str | None) -> int:
    """Puts a version in service; processes that serve take it up with the next request. Raises
    UnknownVersion, ArtifactDamaged: then the one in service stays."""
    artifacts = build(settings).artifacts
    version = artifacts.find(_named(name))
    artifacts.activate(version.id)
    out.print(f"{version.name} is in service now.", markup=False)
    return 0


def try_version(settings: Settings, name: str | None, *, share: float, off: bool) -> int:
    """Lets a version serve a share of the profiles, or ends that. Raises what `ArtifactStore.try_on`
    does: then nothing changes."""
    artifacts = build(settings).artifacts
    if off:
        artifacts.end_canary()
        out.print("The version in service serves everybody.")
        return 0
    version = artifacts.find(_named(name))
    artifacts.try_on(version.id, share)
    out.print(f"{version.name} serves {share:.1%} of the profiles now.", markup=False)
    return 0


def watch_version(settings: Settings, *, as_json: bool) -> int:
    """Measures what became of the version in service, and keeps it for GraphQL and metrics. Raises
    NoActiveVersion."""

    async def run() -> Watch:
        async with opened(build(settings)) as parts:
            return await watch(parts.store, parts.log, parts.artifacts, now)

    found = asyncio.run(run())
    names = {one.id: one.name for one in build(settings).artifacts.versions()}
    if as_json:
        out.print_json(data={**msgspec.to_builtins(found), "drift": found.drift()})
        return 0
    unknown = found.without_known_item / max(1, found.profiles)
    out.print(f"Of {found.profiles:,} profiles {unknown:.1%} have met no item that it knows.")
    for what, shift in (("items", found.item_shift), ("events", found.event_shift)):
        told = "too little to tell" if shift is None else f"PSI {shift:.3f}"
        out.print(f"Shift of {what} since training: {told}.")
    shown = Table("recommender", "answers", "shown", "clicked", "rate")
    for one in found.clicks:
        kind = "personal" if one.personal else "popular"
        rate = f"{one.clicked / one.shown:.2%}" if one.shown else ""
        shown.add_row(names[one.version], kind, f"{one.shown:,}", f"{one.clicked:,}", rate)
    if found.clicks:
        out.print(shown)
    drift = found.drift()
    out.print(
        f"Train it again: {drift}." if drift else "Nothing says that it must be trained again."
    )
    return 0


def remove_version(settings: Settings, name: str | None) -> int:
    """Raises UnknownVersion; VersionActive for the one in service."""
    artifacts = build(settings).artifacts
    version = artifacts.find(_named(name))
    artifacts.remove(version.id)
    out.print(f"{version.name} was removed.", markup=False)
    return 0


def _named(name: str | None) -> str:
    if name is None:
        raise BadInput(reason="Name a version: `cdp models list` shows them.")
    return name


def _standing(version: str, service: InService) -> str:
    share = service.share(version)
    if version == service.active:
        return "yes" if share == 1.0 else f"yes, {share:.1%}"
    return f"canary, {share:.1%}" if share else ""


def _ndcg(version: RecommenderVersion) -> str:
    own = (m.value for m in version.metrics if m.name == "ndcg" and m.baseline is None)
    value = next(own, None)
    return "" if value is None else f"{value:.4f}"
