"""`cdp train` and `cdp evaluate`."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table

from cdp.bootstrap import Parts, build, opened
from cdp.cli.console import err, out, progress
from cdp.settings import Settings
from gnn.dataset import Dataset
from gnn.evaluate import Scores
from gnn.train import Trained, train
from graph_schema.errors import BadInput
from graph_schema.store import GraphReading, ProfileInteraction
from identity.evaluate import scores

CHUNK = 10_000
AT_ONCE = 500


def train_model(settings: Settings, *, model: str) -> int:
    async def run() -> Trained:
        async with opened(build(settings)) as parts:
            return await trained(parts, model)

    found = asyncio.run(run())
    print_table(found.table)
    took = "is in service now" if found.no_worse else "is kept, but worse: the old one serves on"
    out.print(f"{found.version.model} {found.version.id} {took}.")
    return 0


async def trained(parts: Parts, model: str) -> Trained:
    """Trains from the graph; puts the version in service where it is no worse."""
    dataset = await _dataset(parts.store)
    with progress("training") as report:
        found = await asyncio.to_thread(
            train, dataset, parts.artifacts, model=model, progress=lambda step: report(step.done)
        )
    if found.no_worse:
        parts.artifacts.activate(found.version.id)
    return found


async def _dataset(store: GraphReading) -> Dataset:
    rows: list[ProfileInteraction] = []
    async for chunk in store.training_graph(CHUNK):
        rows += chunk
    items, after = [], ""
    while chunk_items := await store.items_after(after, CHUNK):
        items += chunk_items
        after = chunk_items[-1].id
    return Dataset.from_rows(rows, items)


def print_table(table: Mapping[str, Scores]) -> None:
    shown = Table("model", "recall@20", "NDCG@20", title="temporal split, full ranking")
    for name, found in table.items():
        shown.add_row(name, f"{found.recall:.4f}", f"{found.ndcg:.4f}")
    if table:
        out.print(shown)
    else:
        err.print("There is too little data to be cut in time: nothing was compared.")


def evaluate_recommender(settings: Settings, *, as_json: bool) -> int:
    """Prints the metrics that lie with the version in service. Exit 1 where there is none."""
    artifacts = build(settings).artifacts
    active = artifacts.active_id()
    if active is None:
        err.print("No recommender is in service: run `cdp train`.")
        return 1
    version = artifacts.find(active)
    if as_json:
        out.print_json(data=msgspec.to_builtins(version.metrics))
        return 0
    shown = Table("metric", "of", "value", title=f"{version.model} {version.id}")
    for metric in version.metrics:
        shown.add_row(
            f"{metric.name}@{metric.k}", metric.baseline or version.model, f"{metric.value:.4f}"
        )
    out.print(shown)
    return 0


def evaluate_identity(settings: Settings, *, truth: Path, as_json: bool) -> int:
    async def run() -> dict[str, Any]:
        async with opened(build(settings)) as parts:
            return await identity_scores(parts.store, truth)

    found = asyncio.run(run())
    if as_json:
        out.print_json(data=found)
    else:
        print_identity(found)
    return 0


def print_identity(found: Mapping[str, Any]) -> None:
    shown = Table("over", "sessions", "precision", "recall", "F1", title="identity, pairwise")
    for name, row in found.items():
        shown.add_row(
            name,
            str(row["elements"]),
            f"{row['precision']:.4f}",
            f"{row['recall']:.4f}",
            f"{row['f1']:.4f}",
        )
    out.print(shown)


async def identity_scores(store: GraphReading, truth: Path) -> dict[str, Any]:
    """Sessions by the profile that owns them, against the person who was there: of all sessions, and
    of those on devices that ever saw a login."""
    people = _people(truth)
    predicted: dict[str, str] = {}
    true: dict[str, str] = {}
    devices: dict[str, str] = {}
    logged_in: set[str] = set()
    mids = list(people)
    for start in range(0, len(mids), AT_ONCE):
        chunk = mids[start : start + AT_ONCE]
        sessions = await store.sessions_by_ids(chunk)
        for mid, stored in zip(chunk, sessions, strict=True):
            if stored is not None and stored.profile is not None and stored.session.id == mid:
                predicted[mid], true[mid] = stored.profile, people[mid]
                devices[mid] = stored.session.device
                if stored.session.user is not None:
                    logged_in.add(stored.session.device)
    known = {mid for mid, device in devices.items() if device in logged_in}
    return {
        "all sessions": _row(predicted, true),
        "devices that saw a login": _row(
            {mid: predicted[mid] for mid in known}, {mid: true[mid] for mid in known}
        ),
    }


def _row(predicted: Mapping[str, str], true: Mapping[str, str]) -> dict[str, float]:
    pairwise = scores(predicted, true).pairwise
    return {
        "elements": len(predicted),
        "precision": pairwise.precision,
        "recall": pairwise.recall,
        "f1": pairwise.f1,
    }


def _people(truth: Path) -> dict[str, str]:
    try:
        with (truth / "truth.csv").open(encoding="utf-8", newline="") as file:
            return {row["message_id"]: row["person_id"] for row in csv.DictReader(file)}
    except (OSError, KeyError) as error:
        raise BadInput(reason=f"{truth} holds no truth.csv of a simulation.") from error
