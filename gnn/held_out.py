"""Pairs held out of a training part, for early stopping and for choosing between settings.

What is held out here is a part of the training data, whatever was cut off before for a test.
"""

from __future__ import annotations

import numpy as np

from gnn.arrays import Bools
from gnn.dataset import Dataset

LEAST_HISTORY = 3


def last_pairs(dataset: Dataset, share: float, seed: int) -> Bools:
    """Marks the last pair of some users who have three or more, up to `share` of all pairs (pairs,).

    Which users is drawn by the seed. The newest pairs of *all* would be too few that can be
    foretold, for most of a shop's traffic is strangers.
    """
    pairs = dataset.pairs
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.permutation(pairs.user.size), pairs.last_at, pairs.user))
    ends = np.flatnonzero(np.append(np.diff(pairs.user), 1))
    rich = ends[np.bincount(pairs.user)[pairs.user[ends]] >= LEAST_HISTORY]
    chosen = rng.permutation(rich)[: int(share * pairs.user.size)]
    marked = np.zeros(pairs.user.size, np.bool_)
    marked[order[chosen]] = True
    return marked
