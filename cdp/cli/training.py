"""`cdp train` and `cdp evaluate recommender`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
from rich.table import Table

from cdp.bootstrap import Parts, build, opened
from cdp.cli.console import err, out, progress
from cdp.settings import Settings
from gnn.dataset import Dataset
from gnn.evaluate import Scores
from gnn.train import Trained, train
from graph_schema.store import GraphReading, ProfileInteraction

CHUNK = 10_000


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
