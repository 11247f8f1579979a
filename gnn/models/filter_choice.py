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

import numpy as np

from gnn.arrays import Float32s, Float64s, Int64s
from gnn.dataset import Dataset
from gnn.held_out import LEAST_HISTORY, Trial
from gnn.measures import ndcg_of_scores
from gnn.models.graph_filter import Shape, Spectrum, random_start
from gnn.weights import BehaviourWeights

USUAL = Shape(user_exponent=0.3, item_exponent=0.4, plateau=0.08, tail=0.6)
EXPONENTS = ((0.3, 0.4), (0.1, 0.1), (0.5, 0.5))
PLATEAUS = (0.08, 0.02)
FINER = {0.08: (0.16, 0.04), 0.02: (0.01, 0.04)}
SURE = 2.5
OPERATIONS = 1e11
"""Additions and multiplications for one shape: one to two seconds of one core."""
MOST_USERS = 2_000
LEAST_USERS = 100
MOST_TRIALS = 4
VECTORS = 256
"""Enough of them to tell shapes apart; the plateau is measured by the first one's value."""
PASSES = 2
SHAPES = len(EXPONENTS) * len(PLATEAUS) + 2
BLOCK = 1_024


def quality(trial: Trial, spectrum: Spectrum, shape: Shape) -> Float64s:
    """NDCG@20 of each user who is asked about (n,)."""
    rows, histories = spectrum.rows(shape), trial.histories.tocsc()
    named = np.unique(trial.histories.indices).astype(np.int64)
    scores: Float32s = np.zeros(trial.wanted.shape, np.float32)
    for first in range(0, named.size, BLOCK):
        items = named[first : first + BLOCK]
        spoken = np.maximum(rows(items), 0.0)
        spoken[np.arange(items.size), items] = 0.0
        scores += histories[:, items] @ spoken
    scores[trial.seen] = -1.0
    return ndcg_of_scores(scores, trial.wanted)


def chosen_shape(
    dataset: Dataset,
    weights: BehaviourWeights,
    *,
    seed: int = 0,
    progress: Callable[[float], None] = lambda _done: None,
) -> Shape:
    """The best shape for a dataset, the usual one unless another is surely better."""
    users = _users(dataset, seed)
    if sum(part.size for part in users) < LEAST_USERS:
        return USUAL
    tried: dict[Shape, list[Float64s]] = {}
    for number, part in enumerate(users):
        trial = Trial.of(dataset, weights, part, seed + number)
        for shape, found in _tries(trial, seed + number):
            tried.setdefault(shape, []).append(found)
            progress(min(1.0, sum(map(len, tried.values())) / (SHAPES * len(users))))
    whole = {shape: np.concatenate(of) for shape, of in tried.items() if len(of) == len(users)}
    best = max(whole, key=lambda shape: float(whole[shape].mean()))
    gain = whole[best] - whole[USUAL]
    return best if gain.mean() > SURE * gain.std() / np.sqrt(gain.size) else USUAL


def _tries(trial: Trial, seed: int) -> Iterator[tuple[Shape, Float64s]]:
    """Each shape with its NDCG: the exponents with two plateaus, and more plateaus at the best."""
    matrix = trial.left.matrix(trial.weights)
    k = min(VECTORS, *matrix.shape)
    start = random_start(matrix.shape[1], k, seed)
    best, highest, spectra = USUAL, -1.0, {}
    for exponents in EXPONENTS:
        spectra[exponents] = Spectrum.of(
            matrix, Shape(*exponents, 0.0, 0.0), k, passes=PASSES, start=start
        )
        for plateau in PLATEAUS:
            shape = Shape(*exponents, plateau, USUAL.tail)
            found = quality(trial, spectra[exponents], shape)
            yield shape, found
            if found.mean() > highest:
                best, highest = shape, float(found.mean())
    for plateau in FINER[best.plateau]:
        shape = best._replace(plateau=plateau)
        yield shape, quality(trial, spectra[best[:2]], shape)


def _users(dataset: Dataset, seed: int) -> list[Int64s]:
    """Users with enough of a history, by chance, for each trial: a quarter of them at most, or the
    graph would be another one; as many as the work may be, and a few trials where it is little."""
    items = len(dataset.items)
    counts = np.bincount(dataset.pairs.user, minlength=len(dataset.users))
    rich = np.random.default_rng(seed).permutation(np.flatnonzero(counts > LEAST_HISTORY))
    quarter = min(MOST_USERS, rich.size // 4)
    if not quarter:
        return []
    rows = np.minimum(np.cumsum(counts[rich[:quarter]]), items)
    work = 2.0 * VECTORS * items * rows
    size = int(np.count_nonzero(work <= OPERATIONS))
    trials = 1 if size < quarter else max(1, min(MOST_TRIALS, int(OPERATIONS / work[-1])))
    return [np.sort(rich[number * size : (number + 1) * size]) for number in range(trials)]
