"""Cuts a dataset in time, so that an evaluation asks about the future only.

Three ways in which the future leaks into training, and how they are closed here:
- *A target left in another behaviour's edge*: a row is cut by its times whatever its behaviour, and
  a row that lies across the cut is in neither part, for its counts cannot be told apart.
- *Degrees or popularity from test time*: every part is a Dataset of its own; what a model counts,
  it counts on the part it was given.
- *Tuning on test*: `three_parts` puts the validation before the test, and who tunes gets no test.
The fourth, one person on both sides under two names, is closed by the rows: they carry the profile
as it is resolved now.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gnn.arrays import Int32s, Int64s, Micros
from gnn.dataset import Dataset
from gnn.errors import EmptyDataset


class Split(NamedTuple):
    """What is known at the cut and what happened after it, over the same users and items."""

    train: Dataset
    test: Dataset
    cut: Micros


class ThreeParts(NamedTuple):
    """`tune` cuts inside what `final` trains on: its test is the validation part."""

    tune: Split
    final: Split


def at(dataset: Dataset, cut: Micros, until: Micros | None = None) -> Split:
    """Global temporal split: train has the rows that ended by `cut`, test those that began after it
    (and ended by `until`). Both in µs; rows across a border are in neither part.
    """
    rows = dataset.rows
    after = rows.first_at > cut
    if until is not None:
        after &= rows.last_at <= until
    return Split(dataset.subset(rows.last_at <= cut), dataset.subset(after), cut)


def by_share(dataset: Dataset, test_share: float = 0.1, until: Micros | None = None) -> Split:
    """The temporal split whose test part holds about `test_share` of the rows.

    Errors: EmptyDataset where one of the two parts would hold nothing.
    """
    dataset.require_interactions()
    times = dataset.rows.last_at
    if until is not None:
        times = times[times <= until]
    cut = int(np.quantile(times, 1.0 - test_share, method="lower"))
    split = at(dataset, cut, until)
    if not split.train.rows.user.size or not split.test.rows.user.size:
        raise EmptyDataset(reason="the interactions cannot be cut in time into a past and a future")
    return split


def three_parts(dataset: Dataset, share: float = 0.1) -> ThreeParts:
    """Train, validation and test, in this order of time; each later part about `share` of the rows.

    Errors: EmptyDataset where a part would hold nothing.
    """
    final = by_share(dataset, share)
    return ThreeParts(by_share(final.train, share), final)


def leave_last_out(dataset: Dataset) -> Split:
    """Each user's last item out of two or more, by time; its pair leaves training in *every*
    behaviour. Says less than a temporal split, for other users' future is known: to stand beside.
    """
    pairs = dataset.pairs
    order = np.lexsort((pairs.item, pairs.last_at, pairs.user))
    users = pairs.user[order]
    last = np.flatnonzero(np.concatenate((users[1:] != users[:-1], [True] * bool(users.size))))
    several = np.bincount(pairs.user, minlength=len(dataset.users)) > 1
    chosen = order[last[several[users[last]]]] if users.size else order
    keys = _keys(dataset, pairs.user, pairs.item)[chosen]
    is_target = np.isin(_keys(dataset, dataset.rows.user, dataset.rows.item), keys)
    return Split(dataset.subset(~is_target), dataset.subset(is_target), dataset.cutoff)


def cold_items(dataset: Dataset, share: float = 0.15, seed: int = 0) -> Split:
    """Every interaction of a random `share` of the touched items in the test part: to training they
    are new, known by their attributes only."""
    touched = np.flatnonzero(dataset.touched)
    chosen = np.random.default_rng(seed).permutation(touched)[: int(share * touched.size)]
    is_cold = np.isin(dataset.rows.item, chosen)
    return Split(dataset.subset(~is_cold), dataset.subset(is_cold), dataset.cutoff)


def _keys(dataset: Dataset, user: Int32s, item: Int32s) -> Int64s:
    return user.astype(np.int64) * len(dataset.items) + item
