"""Which model to train, when nobody says: what fits the data and the time is tried, and compared.

Each candidate is fitted on the older part of the training data and ranks what came next (the
validation part, which lies before the test part: `gnn.split.three_parts`). Of those that come within
`CLOSE` of the best NDCG, and within its interval, the quickest is taken, for a difference that small
says nothing and a quick model is trained again more often. What was not tried, and why, is said too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import NamedTuple

import msgspec
import numpy as np

from gnn import models, split
from gnn.dataset import Dataset
from gnn.errors import EmptyDataset
from gnn.evaluate import Scores, evaluate
from gnn.recommender import OnProgress, Progress, silent

CLOSE = 0.01
SHARE_FOR_CHOICE = 0.5
"""Of the budget; the rest is for the comparison on the test part and the fit on everything."""
VALIDATION_USERS = 5_000
LEAST_VALIDATION_USERS = 20
MOST_ITEMS = 150_000
"""Up to so many items every pair of them is looked at."""
MOST_ITEMS_INVERTED = 12_000
MOST_PAIRS_HETERO = 500_000
LEAST_EPOCHS = 5
OVERHEAD_S = 1.0
"""Of each try, whatever the size: libraries are loaded, threads started."""
MOST_SLOWNESS = 4.0
GRADIENT_MODELS = {"lightgcn": (2.2e-7, 8_192), "xsimgcl": (3.7e-7, 2_048), "sage": (1.5e-6, 4_096)}
"""Seconds of one core for a pair in a step, measured on Gowalla; and the pairs of a step."""


class Candidate(NamedTuple):
    """A model that may be tried. `seconds`: what a fit on one core is guessed to take; `why_not`:
    what speaks against it from the outset."""

    name: str
    seconds: float
    parameters: Mapping[str, object] = {}
    why_not: str | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The model to train, with parameters; `scores` on the validation part by model, empty where
    nothing was compared; `reasons`, a sentence for each candidate and one for the decision."""

    name: str
    parameters: Mapping[str, object]
    scores: Mapping[str, Scores]
    reasons: tuple[str, ...]


def usual(dataset: Dataset) -> str:
    """What is trained where nothing can be compared: the graph filter, which was chosen on every
    data set that was tried; for a catalogue beyond its reach, item-kNN."""
    return "spectral" if len(dataset.items) <= MOST_ITEMS else "item_knn"


def choose(
    dataset: Dataset,
    *,
    budget_s: float,
    seed: int = 0,
    progress: OnProgress = silent,
    clock: Callable[[], float] = time.monotonic,
) -> Choice:
    """Tries what fits within its share of `budget_s` seconds.

    Errors: EmptyDataset where there is no interaction at all.
    """
    dataset.require_interactions()
    try:
        parts = split.three_parts(dataset).tune
    except EmptyDataset:
        return _unseen(dataset, "The interactions cannot be cut in time three times")
    began, spent, guessed = clock(), 0.0, 0.0
    limit = SHARE_FOR_CHOICE * budget_s
    scores: dict[str, Scores] = {}
    seconds: dict[str, float] = {}
    taken: dict[str, Mapping[str, object]] = {}
    reasons: list[str] = []
    for candidate in candidates(parts.train, limit):
        # A machine that was slower than guessed so far will be so again.
        slowness = min(max(1.0, spent / guessed), MOST_SLOWNESS) if guessed else 1.0
        needed = candidate.seconds * slowness
        why_not = candidate.why_not
        if why_not is None and spent + needed > limit and scores:
            why_not = (
                f"it would take about {needed:.0f} s, {max(0.0, limit - spent):.0f} s are left"
            )
        if why_not is not None:
            reasons.append(f"{candidate.name} was not tried: {why_not}.")
            continue
        started = clock()
        found = _tried(candidate, parts, seed, progress, min(1.0, spent / limit))
        spent, guessed = clock() - began, guessed + OVERHEAD_S + candidate.seconds
        if found.users < LEAST_VALIDATION_USERS:
            return _unseen(dataset, f"Only {found.users} profiles could be asked about")
        scores[candidate.name], taken[candidate.name] = found, candidate.parameters
        seconds[candidate.name] = clock() - started
        reasons.append(
            f"{candidate.name}: NDCG@{found.k} {found.ndcg:.4f}, recall {found.recall:.4f},"
            f" in {seconds[candidate.name]:.1f} s."
        )
    best = max(scores, key=lambda name: scores[name].ndcg)
    low, _ = scores[best].intervals.get("ndcg", (0.0, 0.0))
    least = max((1.0 - CLOSE) * scores[best].ndcg, low)
    close = [name for name in scores if scores[name].ndcg >= least]
    name = min(close, key=lambda name: seconds[name])
    reasons.append(_decision(name, best))
    return Choice(name=name, parameters=taken[name], scores=scores, reasons=tuple(reasons))


def candidates(dataset: Dataset, limit_s: float) -> Iterator[Candidate]:
    """What may be tried on such a dataset, the quick ones first."""
    items, pairs = len(dataset.items), int(dataset.pairs.user.size)
    lists = items**2 * 1.5e-8
    per_user = np.bincount(dataset.pairs.user).astype(np.float64)
    knn = float((per_user**2).sum()) * 1e-8 + pairs * 1e-6
    too_large = f"{items:,} items are more than {MOST_ITEMS:,}" if items > MOST_ITEMS else None
    yield Candidate("popularity", pairs * 1e-7)
    yield Candidate("item_knn", knn)
    yield Candidate("spectral", 2.0 + pairs * 1e-5 + lists, why_not=too_large)
    inverted = None
    if items > MOST_ITEMS_INVERTED:
        inverted = f"{items:,} items are more than {MOST_ITEMS_INVERTED:,}"
    ease = items**3 * 5e-11 + lists
    yield Candidate("ease", ease, why_not=inverted)
    parts = ["spectral", "item_knn"] + ["ease"] * (inverted is None)
    both = 2.0 * (2.0 + pairs * 1e-5 + lists + knn + (ease if inverted is None else 0.0))
    yield Candidate("blend", both, {"parts": parts}, too_large)
    yield from _by_gradients(dataset, limit_s)


def _by_gradients(dataset: Dataset, limit_s: float) -> Iterator[Candidate]:
    pairs = int(dataset.pairs.user.size)
    installed = find_spec("torch") is not None and find_spec("torch_geometric") is not None
    for name, (per_pair, batch) in GRADIENT_MODELS.items():
        epoch = per_pair * pairs * max(1.0, pairs / batch)
        seconds = min(max(LEAST_EPOCHS * epoch, 5.0), limit_s / 3.0)
        why_not = None
        if not installed:
            why_not = "the extra gnn is not installed"
        elif LEAST_EPOCHS * epoch > limit_s / 3.0:
            why_not = f"{LEAST_EPOCHS} epochs would take about {LEAST_EPOCHS * epoch:.0f} s"
        elif name == "sage":
            why_not = _against_attributes(dataset)
        yield Candidate(name, seconds, {"minutes": limit_s / 180.0}, why_not)


def _against_attributes(dataset: Dataset) -> str | None:
    if not any(item.category or item.name or item.attributes for item in dataset.items):
        return "nothing is known of the items"
    if dataset.pairs.user.size > MOST_PAIRS_HETERO:
        return f"more than {MOST_PAIRS_HETERO:,} pairs"
    return None


def _tried(
    candidate: Candidate, parts: split.Split, seed: int, progress: OnProgress, done: float
) -> Scores:
    def tell(step: Progress) -> None:
        progress(Progress(stage=f"trying {candidate.name}", done=done, figures=step.figures))

    model = models.create(candidate.name, **candidate.parameters)
    model.fit(parts.train, seed=seed, progress=tell)
    return evaluate(model.serving, parts.train, parts.test, most_users=VALIDATION_USERS, seed=seed)


def _unseen(dataset: Dataset, why: str) -> Choice:
    name = usual(dataset)
    reason = f"{why}, so nothing was compared: {name} is the usual one for data of this size."
    return Choice(name=name, parameters={}, scores={}, reasons=(reason,))


def _decision(name: str, best: str) -> str:
    if name == best:
        return f"{name} was taken: nothing that was tried ranks the next purchases better."
    return f"{name} was taken: it is the quickest of those within {CLOSE:.0%} of the best, {best}."
