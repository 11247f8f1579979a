"""From a dataset to a version in the store: choose, measure beside the baselines, train on all.

Measured on the newest tenth of the interactions, which no model has seen and no choice has used; then
the model is fitted once more on everything, for the newest tenth says the most about tomorrow.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

import msgspec

from gnn import models, split
from gnn.arrays import Bools
from gnn.artifacts import ArtifactStore, RecommenderVersion, new_id
from gnn.choice import Choice, choose
from gnn.dataset import Dataset, ids_hash
from gnn.errors import EmptyDataset, ModelNotNamed
from gnn.evaluate import Metric, Scores, evaluate
from gnn.models.base import ListModel
from gnn.recommender import OnProgress, Progress, silent
from gnn.segments import by_segment
from graph_schema.model import time

BASELINES = ("popularity", "item_knn")
K = 20
MOST_USERS = 20_000
"""So many profiles are asked about at most; the intervals say how sure that makes."""
BUDGET_S = 600.0
DECIDES = "ndcg"
"""The measure by which a new version is compared with the one in service."""
SPLIT = "temporal"
CHECKPOINTS = "checkpoints"


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """What a training gave. `table`: the scores of the model and of each baseline, by name, empty
    where the data cannot be cut in time. `worse`: why it may not take the place of the version in
    service, None where it may. `choice`: how the model was chosen, None where it was named. `stored`:
    False in the processes of a `torchrun` that only help."""

    version: RecommenderVersion
    table: Mapping[str, Scores]
    worse: str | None = None
    choice: Choice | None = None
    stored: bool = True

    @property
    def no_worse(self) -> bool:
        return self.worse is None


def train(
    dataset: Dataset,
    store: ArtifactStore,
    *,
    model: str = models.DEFAULT,
    name: str | None = None,
    seed: int = 0,
    parameters: Mapping[str, object] | None = None,
    budget_s: float = BUDGET_S,
    segments: Mapping[str, Bools] | None = None,
    progress: OnProgress = silent,
) -> Trained:
    """Trains a model, stores it as a version (not in service yet), and says how good it is. With no
    model named the choice has its share of `budget_s` seconds. `segments`: of each by key, which users
    (users,) belong to it; kept is what they like, not who they are.

    Errors: UnknownModel, EmptyDataset, ModelTooLarge, TrainingExtraMissing, VersionExists;
    ModelNotNamed where several processes train.
    """
    dataset.require_interactions()
    choice = None
    if model == models.DEFAULT:
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise ModelNotNamed()
        choice = choose(dataset, budget_s=budget_s, seed=seed, progress=_part(progress, 0.0, 0.4))
    chosen = choice.name if choice else model
    settings = {**(choice.parameters if choice else {}), **(parameters or {})}
    begin = 0.4 if choice else 0.0
    middle = (1.0 + begin) / 2.0
    fresh = _fresh(chosen, settings, store)
    table = compare([fresh], dataset, seed=seed, progress=_part(progress, begin, middle))
    reasons = choice.reasons if choice else ()
    better = _measurably_better(chosen, table) if choice else None
    if better is not None:
        reasons = (*reasons, f"{better.why} {better.name} was taken instead.")
        chosen, settings = better.name, {}
    history = History(_part(progress, middle, 1.0))
    fitted = _fresh(chosen, settings, store).fit(dataset, seed=seed, progress=history)
    found = _describe(fitted, dataset, name, seed, table)
    found = msgspec.structs.replace(found, reasons=reasons, history=tuple(history.figures))
    stored = os.environ.get("RANK", "0") == "0"
    worse = _worse(found, table, store)
    if stored:
        liked = by_segment(dataset, segments or {}, fitted.weights)
        store.save(found, fitted.serving.with_segments(liked))
    return Trained(version=found, table=table, worse=worse, choice=choice, stored=stored)


class History:
    """A listener that keeps the figures of each epoch."""

    def __init__(self, progress: OnProgress) -> None:
        self.figures: list[dict[str, float]] = []
        self._progress = progress

    def __call__(self, step: Progress) -> None:
        if "loss" in step.figures:
            self.figures.append(dict(step.figures))
        self._progress(step)


def _fresh(name: str, parameters: Mapping[str, object], store: ArtifactStore) -> ListModel:
    model = models.create(name, **parameters)
    model.checkpoints = store.folder / CHECKPOINTS
    return model


def compare(
    candidates: Sequence[ListModel],
    dataset: Dataset,
    *,
    seed: int = 0,
    progress: OnProgress = silent,
) -> dict[str, Scores]:
    """Scores on the newest tenth of the dataset, by model: the candidates, then the baselines.

    Empty where everything happened at one time, so that there is no future to foretell.
    """
    try:
        parts = split.by_share(dataset)
    except EmptyDataset:
        return {}
    names = {candidate.name for candidate in candidates}
    running = [*candidates, *(models.create(name) for name in BASELINES if name not in names)]
    table = {}
    for number, model in enumerate(running):
        step = _part(progress, number / len(running), (number + 1) / len(running))
        model.fit(parts.train, seed=seed, progress=step)
        table[model.name] = evaluate(
            model.serving, parts.train, parts.test, k=K, most_users=MOST_USERS, seed=seed
        )
    return table


def _describe(
    model: ListModel, dataset: Dataset, name: str | None, seed: int, table: Mapping[str, Scores]
) -> RecommenderVersion:
    key, now = new_id(), time.now()
    stamp = time.to_iso(now)[:19].replace("-", "").replace(":", "")
    return RecommenderVersion(
        id=key,
        name=name or f"{model.name}-{stamp}-{key[-4:]}",
        model=model.name,
        trained_at=now,
        data_cutoff=dataset.cutoff,
        items=len(dataset.items),
        users=dataset.active_users,
        interactions=int(dataset.pairs.user.size),
        metrics=_metrics(model.name, table),
        parameters={**model.parameters, "seed": seed},
        graph_hash=dataset.graph_hash,
        item_hash=ids_hash(dataset.item_ids),
        code_version=_code_version(),
    )


def _metrics(own: str, table: Mapping[str, Scores]) -> tuple[Metric, ...]:
    return tuple(
        metric
        for name, scores in table.items()
        for metric in scores.metrics(SPLIT, None if name == own else name)
    )


class _Better(NamedTuple):
    name: str
    why: str


def _measurably_better(own: str, table: Mapping[str, Scores]) -> _Better | None:
    """The best baseline that ranks better than the model by more than chance: the model lies below
    its interval."""
    better = [
        name
        for name in BASELINES
        if table and getattr(table[own], DECIDES) < _interval(table[name])[0]
    ]
    if not better:
        return None
    name = max(better, key=lambda name: getattr(table[name], DECIDES))
    low, high = _interval(table[name])
    value = getattr(table[own], DECIDES)
    why = f"On the newest tenth {own} has NDCG {value:.4f}, below {name} ({low:.4f} to {high:.4f})."
    return _Better(name, why)


def _worse(
    stored: RecommenderVersion, table: Mapping[str, Scores], store: ArtifactStore
) -> str | None:
    """Against popularity (no worse at all) and the other baselines (by more than chance) on the same
    split; against what the active version measured, on a split of its time, by more than chance."""
    if not table:
        return None
    own = table[stored.model]
    value = getattr(own, DECIDES)
    if value < getattr(table["popularity"], DECIDES):
        return f"NDCG {value:.4f} is below that of popularity."
    better = _measurably_better(stored.model, table)
    if better is not None:
        return better.why
    active = _active_value(store)
    if _interval(own)[1] < active:
        return f"NDCG {value:.4f} is below the {active:.4f} of the version in service."
    return None


def _interval(scores: Scores) -> tuple[float, float]:
    value = getattr(scores, DECIDES)
    return scores.intervals.get(DECIDES, (value, value))


def _active_value(store: ArtifactStore) -> float:
    name = store.active_id()
    if name is None:
        return 0.0
    for known in store.versions():
        if known.id == name:
            return next(
                (m.value for m in known.metrics if m.name == DECIDES and m.baseline is None), 0.0
            )
    return 0.0


def _part(progress: OnProgress, start: float, end: float) -> OnProgress:
    """Shows a step's 0..1 as start..end of the whole."""

    def tell(step: Progress) -> None:
        done = start + step.done * (end - start)
        progress(Progress(stage=step.stage, done=done, figures=step.figures))

    return tell


def _code_version() -> str:
    try:
        return version("graph-cdp")
    except PackageNotFoundError:
        return "unknown"
