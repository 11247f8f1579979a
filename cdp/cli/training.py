"""`cdp train` and `cdp evaluate recommender`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
from rich.table import Table

from cdp.bootstrap import Parts, build, opened
from cdp.cli.console import err, out, progress
from cdp.evaluation.recommender_report import by_split, html
from cdp.evaluation.report import write_report
from cdp.evaluation.watching import watch
from cdp.settings import Settings
from gnn import models
from gnn.arrays import Bools
from gnn.dataset import Building, Dataset
from gnn.evaluate import Scores
from gnn.recommender import Progress
from gnn.train import BUDGET_S, Trained, train
from graph_schema.errors import CdpError
from graph_schema.model.segment import SegmentStatus
from graph_schema.model.time import now
from graph_schema.store import GraphReading, Span

CHUNK = 10_000


class Asked(msgspec.Struct, frozen=True):
    """What is to be trained. `budget_s`: seconds for choosing a model, where none is named.
    `if_drifted`: only where the data has moved since the version in service was trained, or none is."""

    model: str = models.DEFAULT
    name: str | None = None
    budget_s: float = BUDGET_S
    seed: int = 0
    if_drifted: bool = False


def train_again(settings: Settings, asked: Asked, every_s: float, *, as_json: bool) -> int:
    """Trains every so many seconds, until it is interrupted. What goes wrong is said, and it is tried
    again when it is time."""
    while True:
        try:
            train_model(settings, asked, as_json=as_json)
        except CdpError as error:
            err.print(f"{error.code}: {error.message}", soft_wrap=True)
        time.sleep(every_s)


def train_model(settings: Settings, asked: Asked, *, as_json: bool) -> int:
    async def run() -> Trained | None:
        async with opened(build(settings)) as parts:
            if asked.if_drifted and parts.artifacts.active_id() is not None:
                drift = (await watch(parts.store, parts.log, parts.artifacts, now)).drift()
                if drift is None:
                    return None
                err.print(f"It is trained again: {drift}.")
            return await trained(parts, asked)

    found = asyncio.run(run())
    if found is None:
        err.print("Nothing has drifted since the recommender in service was trained.")
        return 0
    if not found.stored:
        return 0
    if as_json:
        out.print_json(data=msgspec.to_builtins(_summary(found)))
        return 0
    for reason in found.version.reasons:
        out.print(reason)
    print_table(found.table)
    took = "is in service now." if found.worse is None else f"is kept, and not used: {found.worse}"
    out.print(f"{found.version.model} {found.version.name} ({found.version.id}) {took}")
    return 0


async def trained(parts: Parts, asked: Asked) -> Trained:
    """Trains from the graph; puts the version in service where it is no worse."""
    dataset = await read_dataset(parts.store)
    segments = await read_members(parts.store, dataset)
    with progress("training") as report:
        found = await asyncio.to_thread(
            train,
            dataset,
            parts.artifacts,
            model=asked.model,
            name=asked.name,
            budget_s=asked.budget_s,
            seed=asked.seed,
            segments=segments,
            progress=lambda step: report(step.done, _doing(step)),
        )
    if found.stored and found.no_worse:
        parts.artifacts.activate(found.version.id)
    return found


async def read_dataset(store: GraphReading) -> Dataset:
    """The user-item graph, read chunk by chunk; no chunk is kept."""
    items, after = [], ""
    while chunk_items := await store.items_after(after, CHUNK):
        items += chunk_items
        after = chunk_items[-1].id
    building = Building(items)
    async for chunk in store.training_graph(CHUNK):
        building.add(chunk)
    return building.dataset()


async def read_members(store: GraphReading, dataset: Dataset) -> dict[str, Bools]:
    """Of each active segment by key, which of the dataset's users (users,) are members now."""
    place = {user: number for number, user in enumerate(dataset.users)}
    found = {}
    for segment in await store.segments():
        if segment.status is not SegmentStatus.ACTIVE:
            continue
        inside, after = np.zeros(len(place), np.bool_), None
        while True:
            page = await store.member_page(segment.key, "ID", Span(CHUNK, after))
            inside[[place[m.profile_id] for m in page.items if m.profile_id in place]] = True
            if not page.has_next:
                break
            after = (page.items[-1].profile_id,)
        found[segment.key] = inside
    return found


def _doing(step: Progress) -> str:
    figures = " ".join(f"{name} {value:.4g}" for name, value in step.figures.items())
    return f"{step.stage} {figures}".rstrip()


def _summary(found: Trained) -> dict[str, object]:
    version = found.version
    return {
        "id": version.id,
        "name": version.name,
        "model": version.model,
        "in_service": found.no_worse,
        "worse": found.worse,
        "reasons": version.reasons,
        "parameters": version.parameters,
        "metrics": version.metrics,
    }


def print_table(table: Mapping[str, Scores]) -> None:
    columns = ("model", "recall@20", "NDCG@20", "MRR@20", "hit rate", "coverage", "novelty")
    shown = Table(*columns, title="temporal split, full ranking")
    for name, found in table.items():
        low, high = found.intervals.get("ndcg", (found.ndcg, found.ndcg))
        shown.add_row(
            name,
            f"{found.recall:.4f}",
            f"{found.ndcg:.4f} ({low:.4f} to {high:.4f})",
            f"{found.mrr:.4f}",
            f"{found.hit_rate:.4f}",
            f"{found.coverage:.4f}",
            f"{found.novelty:.2f}",
        )
    if table:
        out.print(shown)
    else:
        err.print("There is too little data to be cut in time: nothing was compared.")


def evaluate_recommender(settings: Settings, *, report: Path | None, as_json: bool) -> int:
    """Prints the metrics that lie with the version in service. Exit 1 where there is none."""
    artifacts = build(settings).artifacts
    active = artifacts.active_id()
    if active is None:
        err.print("No recommender is in service: run `cdp train`.")
        return 1
    version = artifacts.find(active)
    if report is not None:
        write_report(report, html(version))
    if as_json:
        out.print_json(data=msgspec.to_builtins(version.metrics))
        return 0
    for values in by_split(version):
        names = list(dict.fromkeys(name for of in values.of.values() for name in of))
        shown = Table("model", *names, title=values.split)
        for model in values.models:
            shown.add_row(model, *(f"{values.value(model, name):.4f}" for name in names))
        out.print(shown)
    for reason in version.reasons:
        out.print(reason)
    return 0
