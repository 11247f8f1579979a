"""What is popular in a segment: for those of whom nothing else is known.

Kept with the artifact, made of the same interactions as the model. A segment with few people who touched
anything says nothing, so that what is shown to its members is never what one of them did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gnn import item_lists
from gnn.arrays import Bools, Float32s, Int32s, Int64s
from gnn.dataset import Dataset
from gnn.weights import BehaviourWeights

LEAST_PEOPLE = 20
MOST_ITEMS = 500
OF_ALL = 1e-3
"""The part of everybody's popularity beside that of the segments: it orders what these do not name."""


class SegmentPopularity(NamedTuple):
    """Row s, `items[starts[s]:starts[s + 1]]`, holds the items most popular in segment `keys[s]`,
    with their shares of its touches."""

    keys: tuple[str, ...]
    starts: Int64s
    items: Int32s
    shares: Float32s

    def of(self, segments: Sequence[str], of_all: Float32s) -> Float32s | None:
        """Scores (items,): the mean over those segments that are known here, then what all like;
        None where none is."""
        rows = [self.keys.index(key) for key in segments if key in self.keys]
        if not rows:
            return None
        scores: Float32s = of_all * np.float32(OF_ALL)
        for row in rows:
            part = slice(int(self.starts[row]), int(self.starts[row + 1]))
            scores[self.items[part]] += self.shares[part] / np.float32(len(rows))
        return scores

    def fault(self, size: int) -> str | None:
        """What is wrong with the arrays for `size` items, or None: read from a disk, they may be
        anything."""
        whole = self.starts.size == len(self.keys) + 1 and self.starts[0] == 0
        if not whole or np.any(np.diff(self.starts) < 0) or self.starts[-1] != self.items.size:
            return "the segments' starts do not fit"
        if self.items.shape != self.shares.shape:
            return "the segments' items and shares differ in length"
        if self.items.size and not 0 <= self.items.min() <= self.items.max() < size:
            return "a segment names an item that does not exist"
        if not np.isfinite(self.shares).all():
            return "a segment's share is not a number"
        return None


def nothing() -> SegmentPopularity:
    """Of no segment."""
    none = item_lists.empty(0)
    return SegmentPopularity((), *none)


def by_segment(
    dataset: Dataset, members: Mapping[str, Bools], weights: BehaviourWeights
) -> SegmentPopularity:
    """`members`: of each segment by key, which of the dataset's users (users,) belong to it."""
    user, item = dataset.pairs.user, dataset.pairs.item
    strengths = dataset.strengths(weights)
    keys, parts = [], []
    for key, inside in sorted(members.items()):
        pairs = inside[user]
        if np.unique(user[pairs]).size < LEAST_PEOPLE:
            continue
        total = np.bincount(item[pairs], strengths[pairs], len(dataset.items))
        shares = (total / total.sum()).astype(np.float32)
        keys.append(key)
        parts.append(item_lists.top_of_rows(shares[None, :], MOST_ITEMS))
    return SegmentPopularity(tuple(keys), *item_lists.joined(parts)) if keys else nothing()
