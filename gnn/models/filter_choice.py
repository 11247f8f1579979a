"""The shape of a graph filter, chosen on pairs held out of the training part.

How far popular items should be damped and how many tastes count differs from shop to shop: a dense
catalogue is served best by a nearly exact solution, a sparse one by a short plateau. So a few shapes
are tried. From some users, not from all, for the graph must stay what it is, the last fifth of their
pairs is taken away; each shape ranks all items for them by what is left.

A shape takes the place of the usual one where it is better by more than chance, by `SURE` standard
errors of the difference. The work is bounded: a larger catalogue is tried on fewer users, and where
those would be too few to tell anything the usual shape is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gnn.arrays import Bools, Float32s, Float64s, Int64s
from gnn.dataset import Dataset
from gnn.held_out import LEAST_HISTORY, last_share
from gnn.measures import ndcg_of_scores
from gnn.models.graph_filter import Shape, Spectrum
from gnn.weights import BehaviourWeights

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

USUAL = Shape(user_exponent=0.3, item_exponent=0.4, plateau=0.08, tail=0.6)
EXPONENTS = ((0.3, 0.4), (0.0, 0.0), (0.2, 0.2), (0.5, 0.5))
PLATEAUS = (0.08, 0.02)
FINER = (0.01, 0.04, 0.16)
SURE = 1.5
OPERATIONS = 2e11
"""Additions and multiplications for one shape: two to four seconds of one core."""
MOST_USERS = 2_000
LEAST_USERS = 100
SHARE = 0.2
PASSES = 3
BLOCK = 1_024


class Trial(NamedTuple):
    """The strengths of all pairs but those held out (all users, items); of the users who are asked
    about: their histories (n, items) and which items these name, what was seen and what is wanted
    (n, items)."""

    matrix: csr_array
    histories: csc_array
    named: Int64s
    seen: Bools
    wanted: Bools

    @classmethod
    def of(cls, dataset: Dataset, weights: BehaviourWeights, users: Int64s, seed: int) -> Trial:
        """With the last pairs of these users (n,) held out."""
        from scipy.sparse import csr_array

        pairs, held_out = dataset.pairs, last_share(dataset, users, SHARE, seed)
        shape = (len(dataset.users), len(dataset.items))
        strengths = dataset.strengths(weights)
        left = pairs.where(~held_out)
        matrix = csr_array((strengths[~held_out], (left.user, left.item)), shape=shape)
        asked = pairs.where(held_out)
        wanted = csr_array((np.ones(asked.user.size), (asked.user, asked.item)), shape=shape)
        histories = matrix[users]
        return cls(
            matrix,
            histories.tocsc(),
            np.unique(histories.indices).astype(np.int64),
            histories.toarray() > 0,
            wanted[users].toarray() > 0,
        )

    def quality(self, spectrum: Spectrum, shape: Shape) -> Float64s:
        """NDCG@20 of each user who is asked about (n,)."""
        rows = spectrum.rows(shape)
        scores = np.zeros(self.wanted.shape, np.float32)
        for first in range(0, self.named.size, BLOCK):
            items = self.named[first : first + BLOCK]
            spoken = np.maximum(rows(items), 0.0)
            spoken[np.arange(items.size), items] = 0.0
            scores += self.histories[:, items] @ spoken
        scores[self.seen] = -1.0
        return ndcg_of_scores(scores, self.wanted)


def chosen_shape(
    dataset: Dataset,
    weights: BehaviourWeights,
    start: Float32s,
    *,
    seed: int = 0,
    progress: Callable[[float], None] = lambda _done: None,
) -> Shape:
    """The best shape for a dataset. `start` (items, columns): where a search for singular vectors
    begins."""
    users = _users(dataset, start.shape[1], seed)
    if users.size < LEAST_USERS:
        return USUAL
    trial = Trial.of(dataset, weights, users, seed)
    tried: dict[Shape, Float64s] = {}
    for shape, found in _tries(trial, start):
        tried[shape] = found
        progress(len(tried) / (len(EXPONENTS) * len(PLATEAUS) + len(FINER)))
    usual = tried[USUAL]
    best = max(tried, key=lambda shape: float(tried[shape].mean()))
    gain = tried[best] - usual
    sure = gain.mean() > SURE * gain.std() / np.sqrt(gain.size)
    return best if sure else USUAL


def _tries(trial: Trial, start: Float32s) -> Iterator[tuple[Shape, Float64s]]:
    """Each shape with its NDCG: the exponents with two plateaus, then more plateaus at the best."""
    best, quality, spectra = USUAL, -1.0, {}
    for exponents in EXPONENTS:
        spectrum = Spectrum.of(
            trial.matrix,
            Shape(*exponents, 0.0, 0.0),
            _size(trial, start),
            passes=PASSES,
            start=start,
        )
        spectra[exponents] = spectrum
        for plateau in PLATEAUS:
            shape = Shape(*exponents, plateau, USUAL.tail)
            found = trial.quality(spectrum, shape)
            yield shape, found
            if found.mean() > quality:
                best, quality = shape, float(found.mean())
    for plateau in FINER:
        shape = best._replace(plateau=plateau)
        yield shape, trial.quality(spectra[best[:2]], shape)


def _size(trial: Trial, start: Float32s) -> int:
    return int(min(start.shape[1], *trial.matrix.shape))


def _users(dataset: Dataset, k: int, seed: int) -> Int64s:
    """Users with enough of a history, by chance, as many as the work may be."""
    counts = np.bincount(dataset.pairs.user, minlength=len(dataset.users))
    rich = np.flatnonzero(counts > LEAST_HISTORY)
    drawn = np.random.default_rng(seed).permutation(rich)[:MOST_USERS]
    rows = np.minimum(np.cumsum(counts[drawn]), len(dataset.items))
    return np.sort(drawn[2.0 * k * len(dataset.items) * rows <= OPERATIONS])
