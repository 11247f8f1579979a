"""A blend: the item lists of several models added up, with weights learnt on held-out pairs.

S = sum over models m of weight_m * S_m / scale_m, scale_m being the mean of the strongest entries of
its lists, so that the parts are of one size. From some users their last pairs are taken away, every
part is fitted on the rest, and the weights (on a grid, adding up to 1) that rank the missing pairs
best are kept; then the parts are fitted on everything. A part whose weight is 0 is not fitted again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gnn.arrays import Float32s
from gnn.dataset import Dataset
from gnn.held_out import LEAST_HISTORY, Trial
from gnn.item_lists import ItemLists, strongest
from gnn.measures import ndcg_of_scores
from gnn.models.base import ListModel
from gnn.recommender import OnProgress, Progress
from gnn.weights import BehaviourWeights

if TYPE_CHECKING:
    from scipy.sparse import csr_array

STEPS = 5
"""The grid of weights: fifths."""
MOST_USERS = 1_000
MOST_SCORES = 2e7
"""Users times items that are held in memory for each part."""


class Blend(ListModel):
    """`parts` are names of models, with their parameters in `settings_of`; `shares` their weights,
    None: learnt."""

    name: ClassVar[str] = "blend"

    def __init__(
        self,
        *,
        parts: Sequence[str] = ("spectral", "item_knn"),
        settings_of: Mapping[str, Mapping[str, object]] | None = None,
        shares: Sequence[float] | None = None,
        weights: BehaviourWeights | None = None,
    ) -> None:
        super().__init__(weights)
        self.parts = tuple(parts)
        self.settings_of = {name: dict((settings_of or {}).get(name, {})) for name in self.parts}
        self.shares = None if shares is None else tuple(shares)

    def settings(self) -> dict[str, object]:
        shares = None if self.shares is None else list(self.shares)
        return {"parts": list(self.parts), "settings_of": self.settings_of, "shares": shares}

    def _lists(self, dataset: Dataset, seed: int, progress: OnProgress) -> ItemLists:
        if self.shares is None:
            self.shares = self._learnt(dataset, seed, partial(_within, progress, 0.0, 0.45))
        used = [(name, share) for name, share in zip(self.parts, self.shares, strict=True) if share]
        lists = []
        for number, (name, _) in enumerate(used):
            start, end = 0.45 + 0.45 * number / len(used), 0.45 + 0.45 * (number + 1) / len(used)
            lists.append(self._fitted(name, dataset, seed, partial(_within, progress, start, end)))
        return _added(lists, [share for _, share in used], partial(_within, progress, 0.9, 1.0))

    def _learnt(self, dataset: Dataset, seed: int, progress: OnProgress) -> tuple[float, ...]:
        """The weights that rank held-out pairs best; all alike where nobody can be asked."""
        counts = np.bincount(dataset.pairs.user, minlength=len(dataset.users))
        rich = np.random.default_rng(seed).permutation(np.flatnonzero(counts > LEAST_HISTORY))
        most = min(MOST_USERS, rich.size // 4, int(MOST_SCORES / len(dataset.items)))
        if not most:
            return (1.0 / len(self.parts),) * len(self.parts)
        trial = Trial.of(dataset, self.weights, np.sort(rich[:most]), seed)
        scores = []
        for number, name in enumerate(self.parts):
            start, end = number / len(self.parts), (number + 1) / len(self.parts)
            lists = self._fitted(name, trial.left, seed, partial(_within, progress, start, end))
            scores.append((trial.histories @ _matrix(lists)).toarray() / _scale(lists))
        return max(_grid(len(self.parts)), key=lambda shares: _quality(scores, shares, trial))

    def _fitted(self, name: str, dataset: Dataset, seed: int, progress: OnProgress) -> ItemLists:
        from gnn import models

        model = models.create(name, weights=self.weights, **self.settings_of[name])
        model.checkpoints = self.checkpoints
        return model.fit(dataset, seed=seed, progress=progress).serving.lists


def _quality(scores: Sequence[Float32s], shares: Sequence[float], trial: Trial) -> float:
    total = np.zeros_like(scores[0])
    for share, part in zip(shares, scores, strict=True):
        if share:
            total += np.float32(share) * part
    total[trial.seen] = -1.0
    return float(ndcg_of_scores(total, trial.wanted).mean())


def _grid(parts: int) -> list[tuple[float, ...]]:
    """All ways to share out 1 in steps of a fifth; first those that give the most to the first, so
    that of equal ones the simplest is taken."""
    found = []
    for borders in combinations(range(STEPS + parts - 1), parts - 1):
        edges = (-1, *borders, STEPS + parts - 1)
        found.append(tuple((edges[n + 1] - edges[n] - 1) / STEPS for n in range(parts)))
    return sorted(found, reverse=True)


def _added(lists: Sequence[ItemLists], shares: Sequence[float], progress: OnProgress) -> ItemLists:
    matrices = [
        _matrix(one) * np.float32(share / _scale(one))
        for one, share in zip(lists, shares, strict=True)
    ]

    def rows_of(first: int, last: int) -> csr_array:
        total: csr_array = matrices[0][first:last]
        for matrix in matrices[1:]:
            total = total + matrix[first:last]
        return total.tocsr()

    return strongest(
        rows_of,
        lists[0].size,
        progress=lambda done: progress(Progress(stage="item lists", done=done)),
    )


def _scale(lists: ItemLists) -> float:
    """The mean of the strongest entry of each list that has one."""
    filled = lists.starts[:-1][np.diff(lists.starts) > 0]
    return float(lists.weights[filled].mean()) if filled.size else 1.0


def _matrix(lists: ItemLists) -> csr_array:
    from scipy.sparse import csr_array

    return csr_array((lists.weights, lists.items, lists.starts), shape=(lists.size, lists.size))


def _within(progress: OnProgress, start: float, end: float, step: Progress) -> None:
    done = start + step.done * (end - start)
    progress(Progress(stage=step.stage, done=done, figures=step.figures))
