"""Measures a model on what happened after it was trained. Full ranking, never sampled.

For each user with a past and a future: rank all items from the past, leave out what was bought,
look at the first k. Measures are means over these users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from gnn.arrays import Bools, Float64s, Int64s
from gnn.dataset import Dataset
from gnn.recommend import ServingModel

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BLOCK_USERS = 512


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value. `k`: the length of the list, None where there is none. `baseline`: the
    model beside which it stands, None for the version's own. `split`: what it was measured on."""

    name: str
    k: int | None
    value: float
    baseline: str | None
    split: str


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """Means over `users` (0 to 1): recall, NDCG, MRR, hit rate at `k`; `coverage`: the share of the
    catalogue that somebody is shown."""

    k: int
    users: int
    recall: float
    ndcg: float
    mrr: float
    hit_rate: float
    coverage: float

    def metrics(self, split: str, baseline: str | None = None) -> tuple[Metric, ...]:
        names = ("recall", "ndcg", "mrr", "hit_rate", "coverage")
        return tuple(
            Metric(name=name, k=self.k, value=getattr(self, name), baseline=baseline, split=split)
            for name in names
        )


class Task(NamedTuple):
    """The users (n,) to ask about, what they want, and what must not be shown to them."""

    users: Int64s
    wanted: csr_array
    masked: csr_array


def evaluate(
    model: ServingModel, train: Dataset, test: Dataset, *, k: int = 20, mask_seen: bool = False
) -> Scores:
    """Scores of a model fitted on `train` for what happened in `test` (the same users and items).

    Wanted is what a user bought in `test` (whatever she touched, where nothing was bought there at
    all) and had not bought in `train`; an item that training never saw counts as missed. Masked is
    what she bought in `train`, or with `mask_seen` all that she touched.
    """
    task = _task(train, test, mask_seen)
    ranked = [_ranked(model, train, task, part, k) for part in _blocks(task.users)]
    if not ranked:
        return Scores(k=k, users=0, recall=0, ndcg=0, mrr=0, hit_rate=0, coverage=0)
    return _scores(np.concatenate(ranked), task, k)


def _task(train: Dataset, test: Dataset, mask_seen: bool) -> Task:
    bought_before = _incidence(train, train.pairs.purchases > 0)
    masked = _incidence(train, np.ones(train.pairs.user.size, np.bool_))
    if not mask_seen:
        masked = bought_before
    is_purchase = test.pairs.purchases > 0
    wanted = _incidence(test, is_purchase if is_purchase.any() else test.pairs.user >= 0)
    wanted = (wanted - wanted.multiply(masked)).tocsr()
    wanted.eliminate_zeros()
    has_past = np.bincount(train.pairs.user, minlength=len(train.users)) > 0
    users = np.flatnonzero((np.diff(wanted.indptr) > 0) & has_past)
    return Task(users, wanted, masked)


def _incidence(dataset: Dataset, keep: Bools) -> csr_array:
    """Users x items, 1 where a pair is kept."""
    from scipy.sparse import csr_array

    pairs = dataset.pairs.where(keep)
    return csr_array(
        (np.ones(pairs.user.size, np.float32), (pairs.user, pairs.item)),
        shape=(len(dataset.users), len(dataset.items)),
    )


def _blocks(users: Int64s) -> list[Int64s]:
    return [users[first : first + BLOCK_USERS] for first in range(0, users.size, BLOCK_USERS)]


def _ranked(model: ServingModel, train: Dataset, task: Task, users: Int64s, k: int) -> Int64s:
    """The first k items for each user (n, k), as the serving path ranks them: by score, then what
    is popular."""
    from scipy.sparse import csr_array

    lists = csr_array(
        (model.lists.weights, model.lists.items, model.lists.starts),
        shape=(len(train.items), len(train.items)),
    )
    histories = train.matrix(model.weights)[users]
    scores = (histories @ lists).toarray()
    floor = np.where(scores > 0, scores, np.inf).min(axis=1, keepdims=True, initial=1.0)
    scores = np.where(scores > 0, scores, model.catalogue.popularity * (floor * 1e-3))
    masked = task.masked[users]
    scores[np.repeat(np.arange(users.size), np.diff(masked.indptr)), masked.indices] = -1.0
    k = min(k, scores.shape[1])
    top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1, kind="stable")
    ranked: Int64s = np.take_along_axis(top, order, axis=1)
    return ranked


def _scores(ranked: Int64s, task: Task, k: int) -> Scores:
    hits = _hits(ranked, task)
    wanted = np.diff(task.wanted.indptr)[task.users]
    places = np.arange(1, hits.shape[1] + 1)
    gains = 1.0 / np.log2(places + 1.0)
    ideal = np.cumsum(1.0 / np.log2(np.arange(1, k + 1) + 1.0))[np.minimum(wanted, k) - 1]
    return Scores(
        k=k,
        users=int(task.users.size),
        recall=float((hits.sum(axis=1) / wanted).mean()),
        ndcg=float(((hits @ gains) / ideal).mean()),
        mrr=float((hits / places).max(axis=1).mean()),
        hit_rate=float(hits.any(axis=1).mean()),
        coverage=float(np.unique(ranked).size / task.wanted.shape[1]),
    )


def _hits(ranked: Int64s, task: Task) -> Float64s:
    """1 where a shown item (n, k) was wanted."""
    items = task.wanted.shape[1]
    wanted = task.wanted[task.users]
    rows = np.repeat(np.arange(task.users.size), np.diff(wanted.indptr))
    shown = np.arange(task.users.size)[:, None] * items + ranked
    return np.isin(shown, rows * items + wanted.indices).astype(np.float64)
