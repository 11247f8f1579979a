"""The best of many items: in order, with variety, with at most so many of one category.

MMR: Carbonell and Goldstein, "The use of MMR, diversity-based reranking" (SIGIR 1998).
"""

from __future__ import annotations

import numpy as np

from gnn.arrays import Float32s, Float64s, Int32s, Int64s
from gnn.item_lists import ItemLists


def pool_size(first: int, diversity: float, max_per_category: int | None) -> int:
    """How many of the best items have to be looked at to fill `first` places."""
    if max_per_category is not None:
        return max(20 * first, 400)
    return first if diversity == 0 else max(5 * first, 100)


def likeness(lists: ItemLists, pool: Int64s) -> Float64s:
    """How alike the items of a pool (p,) are: (p, p) in [0, 1], symmetric, 0 on the diagonal.

    Each list is measured by its strongest entry, so an item's nearest neighbour is at 1.
    """
    place = np.full(lists.size, -1, np.int64)
    place[pool] = np.arange(pool.size)
    alike = np.zeros((pool.size, pool.size))
    for row, item in enumerate(pool):
        others, weights = lists.row(int(item))
        columns = place[others]
        inside = columns >= 0
        if inside.any():
            alike[row, columns[inside]] = weights[inside] / weights[0]
    np.fill_diagonal(alike, 0.0)
    return np.maximum(alike, alike.T)


def marginal_relevance(scores: Float32s, alike: Float64s, diversity: float, first: int) -> Int64s:
    """Positions (up to `first`,) in a pool whose scores (p,) fall: each next one is the best of
    `(1 - diversity) * relevance - diversity * likeness to the nearest one already taken`.

    Relevance is the score over the pool's best, so that both terms lie in [0, 1].
    """
    relevance = (1.0 - diversity) * scores / max(float(scores.max(initial=0.0)), 1e-30)
    nearest = np.zeros(scores.size)
    taken: list[int] = []
    for _ in range(min(first, scores.size)):
        best = int(np.argmax(relevance - diversity * nearest))
        taken.append(best)
        relevance[best] = -np.inf
        nearest = np.maximum(nearest, alike[best])
    return np.array(taken, np.int64)


def capped(order: Int64s, categories: Int32s, most: int) -> Int64s:
    """`order` (n,) without what exceeds `most` items of one category; `categories` (items,), -1 for
    none, and those without are not counted."""
    seen: dict[int, int] = {}
    kept = []
    for item in order:
        category = int(categories[item])
        seen[category] = seen.get(category, 0) + 1
        if category < 0 or seen[category] <= most:
            kept.append(item)
    return np.array(kept, np.int64)


def best(scores: Float64s, count: int) -> Int64s:
    """The positions of the `count` largest positive scores, falling, ties by position."""
    if count <= 0:
        return np.empty(0, np.int64)
    positive = np.flatnonzero(scores > 0)
    if positive.size > count:
        least = np.partition(scores[positive], positive.size - count)[positive.size - count]
        positive = positive[scores[positive] >= least]
    return positive[np.argsort(-scores[positive], kind="stable")][:count]
