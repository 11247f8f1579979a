"""Measures of rankings, from arrays: for each user, for the whole catalogue, and how sure they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gnn.arrays import Bools, Float32s, Float64s, Int64s

REPLICATES = 1_000
CONFIDENCE = 0.95
NOBODY = -1
"""Stands in a ranking (users, k) where there were fewer than k items to show."""


class PerUser(NamedTuple):
    """What each user's first k items were worth, 0 to 1 (users,)."""

    recall: Float64s
    ndcg: Float64s
    mrr: Float64s
    hit_rate: Float64s


def per_user(hits: Bools, wanted: Int64s) -> PerUser:
    """From which shown items (users, k) were wanted, and how many each user wanted (users,), at
    least one.

    NDCG: a hit at place p gains 1 / log2(p + 1), over what the best order of as many would gain
    (Jarvelin and Kekalainen, TOIS 2002). MRR: one over the first hit's place.
    """
    k = hits.shape[1]
    places = np.arange(1, k + 1)
    gains = 1.0 / np.log2(places + 1.0)
    ideal = np.cumsum(gains)[np.minimum(wanted, k) - 1]
    return PerUser(
        recall=hits.sum(axis=1) / wanted,
        ndcg=(hits @ gains) / ideal,
        mrr=(hits / places).max(axis=1, initial=0.0),
        hit_rate=np.asarray(hits.any(axis=1), np.float64),
    )


def ndcg_of_scores(scores: Float32s, wanted: Bools, k: int = 20) -> Float64s:
    """NDCG@k of each user (users,) who wants something, from scores of all items (users, items)."""
    k = min(k, scores.shape[1])
    top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1, kind="stable")
    hits = np.take_along_axis(wanted, np.take_along_axis(top, order, axis=1), axis=1)
    return per_user(hits, np.count_nonzero(wanted, axis=1)).ndcg


def interval(values: Float64s, seed: int = 0) -> tuple[float, float]:
    """Where the mean of values (users,) lies with a confidence of 95 %: the bootstrap over users
    (Efron, Annals of Statistics 1979)."""
    if not values.size:
        return 0.0, 0.0
    rng = np.random.default_rng(seed)
    means = [values[rng.integers(values.size, size=values.size)].mean() for _ in range(REPLICATES)]
    outside = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(means, (outside, 1.0 - outside))
    return float(low), float(high)


class OfCatalogue(NamedTuple):
    """`coverage`: the share of the catalogue that somebody is shown. `novelty`: how many bits it
    tells that one knew a shown item, on the average (the rarer, the more). `popularity_bias`: how
    popular what is shown is beside what people choose themselves; 1 is as popular."""

    coverage: float
    novelty: float
    popularity_bias: float


def of_catalogue(ranked: Int64s, holders: Int64s, users: int) -> OfCatalogue:
    """From rankings (users, k), and how many of so many `users` touched each item (items,).

    Novelty is the mean of -log2 of the share who touched the item (Vargas and Castells, RecSys 2011),
    an item that nobody touched counted as if one had.
    """
    shown = ranked[ranked != NOBODY]
    total = int(holders.sum())
    if not shown.size or not total:
        return OfCatalogue(0.0, 0.0, 0.0)
    share = np.maximum(holders, 1) / max(users, 1)
    chosen = float((holders.astype(np.float64) ** 2).sum() / total)
    return OfCatalogue(
        coverage=np.unique(shown).size / holders.size,
        novelty=float(-np.log2(share[shown]).mean()),
        popularity_bias=float(holders[shown].mean() / chosen),
    )
