"""The terms of a score: what each touched item adds to each item that it speaks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gnn.arrays import Float64s, Int64s
from gnn.item_lists import ItemLists
from gnn.recommender import ReasonKind


class Seeds(NamedTuple):
    """The touches that are scored: items (h,), how much each counts (h,), and its reason."""

    items: Int64s
    weights: Float64s
    kinds: list[ReasonKind]

    def heaviest(self, most: int) -> Seeds:
        """The `most` touches that count the most."""
        if self.items.size <= most:
            return self
        kept = np.argsort(-self.weights, kind="stable")[:most]
        return Seeds(self.items[kept], self.weights[kept], [self.kinds[int(n)] for n in kept])


class Terms(NamedTuple):
    """Terms (t,): the item spoken for, the number of the seed that speaks, and the amount."""

    items: Int64s
    seeds: Int64s
    amounts: Float64s

    def scores(self, size: int) -> Float64s:
        """The terms of each of `size` items added up (size,)."""
        return np.bincount(self.items, weights=self.amounts, minlength=size).astype(np.float64)

    def of(self, chosen: Int64s, size: int) -> list[list[tuple[int, float]]]:
        """For each of the chosen items (n,) its positive terms as (seed number, amount)."""
        place = np.full(size, -1, np.int64)
        place[chosen] = np.arange(chosen.size)
        places = place[self.items]
        found = np.flatnonzero((places >= 0) & (self.amounts > 0))
        parts: list[list[tuple[int, float]]] = [[] for _ in range(chosen.size)]
        for at, seed, amount in zip(
            places[found].tolist(),
            self.seeds[found].tolist(),
            self.amounts[found].tolist(),
            strict=True,
        ):
            parts[at].append((seed, amount))
        return parts


def terms(seeds: Seeds, lists: ItemLists, instead: ItemLists) -> tuple[Seeds, Terms]:
    """The terms of the seeds' lists. A seed without a list speaks by the one in `instead`, and its
    reason becomes SIMILAR_ATTRIBUTES."""
    rows = [lists.row(item) for item in seeds.items.tolist()]
    kinds = list(seeds.kinds)
    for number, item in enumerate(seeds.items.tolist()):
        if not rows[number][0].size:
            rows[number] = instead.row(item)
            kinds[number] = ReasonKind.SIMILAR_ATTRIBUTES
    return seeds._replace(kinds=kinds), _gathered(rows, seeds.weights)


def _gathered(rows: Sequence[tuple[np.ndarray, np.ndarray]], weights: Float64s) -> Terms:
    if not rows:
        return Terms(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    lengths = [items.size for items, _ in rows]
    amounts = np.concatenate([amounts for _, amounts in rows]) * np.repeat(weights, lengths)
    return Terms(
        np.concatenate([items for items, _ in rows]).astype(np.int64),
        np.repeat(np.arange(len(rows)), lengths),
        amounts,
    )
