"""Pairs held out of a training part, for early stopping and for choosing between settings.

What is held out here is a part of the training data, whatever was cut off before for a test.
"""

from __future__ import annotations

import numpy as np

from gnn.arrays import Bools, Int64s
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


def last_share(dataset: Dataset, users: Int64s, share: float, seed: int) -> Bools:
    """Marks the last `share` of the pairs of each of `users` (n,), one at least, by time and then by
    chance (pairs,)."""
    pairs = dataset.pairs
    counts = np.bincount(pairs.user, minlength=len(dataset.users))
    drawn = np.random.default_rng(seed).permutation(pairs.user.size)
    order = np.lexsort((drawn, pairs.last_at, pairs.user))
    place = np.empty(pairs.user.size, np.int64)
    place[order] = np.arange(pairs.user.size) - (np.cumsum(counts) - counts)[pairs.user[order]]
    taken = np.maximum(1, (share * counts).astype(np.int64))
    asked = np.isin(np.arange(counts.size), users)[pairs.user]
    return asked & (place >= (counts - taken)[pairs.user])
