"""Pairs held out of a training part, for early stopping and for choosing between settings.

What is held out here is a part of the training data, whatever was cut off before for a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gnn.arrays import Bools, Int64s
from gnn.dataset import Dataset
from gnn.weights import BehaviourWeights

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LEAST_HISTORY = 3
SHARE = 0.2


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


class Trial(NamedTuple):
    """Some users whose last fifth of pairs was taken away: the dataset without these pairs, and of
    these users what is left of their histories, what they have seen of it and what they want
    (n, items). `weights` are those of the histories."""

    left: Dataset
    weights: BehaviourWeights
    histories: csr_array
    seen: Bools
    wanted: Bools

    @classmethod
    def of(cls, dataset: Dataset, weights: BehaviourWeights, users: Int64s, seed: int) -> Trial:
        """With the last pairs of these users (n,) held out."""
        from scipy.sparse import csr_array

        pairs, held_out = dataset.pairs, last_share(dataset, users, SHARE, seed)
        left = without(dataset, held_out)
        asked = pairs.where(held_out)
        wanted = csr_array(
            (np.ones(asked.user.size, np.bool_), (asked.user, asked.item)),
            shape=(len(dataset.users), len(dataset.items)),
        )
        histories = left.matrix(weights)[users]
        return cls(left, weights, histories, histories.toarray() > 0, wanted[users].toarray())


def without(dataset: Dataset, held_out: Bools) -> Dataset:
    """The dataset without the pairs that `held_out` (pairs,) marks, whatever behaviours they are."""
    size = len(dataset.items)
    gone = dataset.pairs.where(held_out)
    keys = gone.user.astype(np.int64) * size + gone.item
    rows = dataset.rows.user.astype(np.int64) * size + dataset.rows.item
    return dataset.subset(~np.isin(rows, keys))
