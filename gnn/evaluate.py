"""Measures a model on what happened after it was trained. Full ranking, never sampled.

For each user with a past and a future: rank all items from the past, leave out what was bought,
look at the first k. Measures are means over these users, with bootstrap intervals; strangers, short
histories and new items stand apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from gnn.arrays import Bools, Float32s, Float64s, Int64s
from gnn.dataset import Dataset
from gnn.item_lists import top_of_rows
from gnn.measures import NOBODY, OfCatalogue, PerUser, interval, of_catalogue, per_user
from gnn.recommend import ServingModel

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ScoresOf = Callable[[Int64s], Float32s]
"""Scores of all items (n, items) for users (n,); what is not above 0 is not shown."""

BLOCK_USERS = 512
SHORT_HISTORY = 3
STRANGERS = "users without a past"
SHORT = f"users with {SHORT_HISTORY} items at most"
NEW_ITEMS = "new items"
NEW_AMONG_NEW = "new items among themselves"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value. `k`: the length of the list, None where there is none. `baseline`: the
    model beside which it stands, None for the version's own. `split`: what it was measured on.
    `low` and `high`: its 95 % interval, where it has one."""

    name: str
    k: int | None
    value: float
    baseline: str | None
    split: str
    low: float | None = None
    high: float | None = None


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """Means over a part of the users, or over a part of what they wanted."""

    users: int
    recall: float
    ndcg: float


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """Means over `users` (0 to 1): recall, NDCG, MRR, hit rate at `k`, with 95 % `intervals` by name;
    `coverage`, `novelty` (bits) and `popularity_bias` of what is shown (gnn.measures); `slices`."""

    k: int
    users: int
    recall: float
    ndcg: float
    mrr: float
    hit_rate: float
    coverage: float
    novelty: float = 0.0
    popularity_bias: float = 0.0
    intervals: dict[str, tuple[float, float]] = {}
    slices: dict[str, Slice] = {}

    def metrics(self, split: str, baseline: str | None = None) -> tuple[Metric, ...]:
        """Every value as a metric; `users` says over how many a mean goes."""
        names = ("users", *PerUser._fields, *OfCatalogue._fields)
        own = [
            self._metric(name, getattr(self, name), split, baseline, self.intervals.get(name))
            for name in names
        ]
        parts = [
            self._metric(name, getattr(part, name), f"{split}, {of}", baseline, None)
            for of, part in self.slices.items()
            for name in Slice.__struct_fields__
        ]
        return (*own, *parts)

    def _metric(
        self,
        name: str,
        value: float,
        split: str,
        baseline: str | None,
        between: tuple[float, float] | None,
    ) -> Metric:
        low, high = between or (None, None)
        return Metric(
            name=name,
            k=None if name == "users" else self.k,
            value=value,
            baseline=baseline,
            split=split,
            low=low,
            high=high,
        )


class Task(NamedTuple):
    """The users (n,) to ask about, what they want, and what must not be shown to them (users of the
    dataset, items)."""

    users: Int64s
    wanted: csr_array
    masked: csr_array

    def of(self, users: Bools) -> Task:
        """Only those users (users of the dataset,) who want something."""
        wants = np.diff(self.wanted.indptr) > 0
        return self._replace(users=np.flatnonzero(wants & users))


def evaluate(
    model: ServingModel,
    train: Dataset,
    test: Dataset,
    *,
    k: int = 20,
    mask_seen: bool = False,
    most_users: int | None = None,
    seed: int = 0,
) -> Scores:
    """Scores of a model fitted on `train` for what happened in `test` (the same users and items).

    Wanted is what a user bought in `test` (whatever she touched, where nothing was bought there at
    all) and had not bought in `train`; an item that training never saw counts as missed, unless the
    model knows its attributes. Masked is what she bought in `train`, or with `mask_seen` all that she
    touched. `most_users`: a random sample of so many users is asked about.
    """
    task, touched = _task(train, test, mask_seen), _touched_items(train)
    known = task.of(touched > 0)
    if most_users is not None and known.users.size > most_users:
        chosen = np.random.default_rng(seed).permutation(known.users)[:most_users]
        known = known._replace(users=np.sort(chosen))
    scores, found = _scores(ranking(model, train, known, k), train, known, k, seed)
    return msgspec.structs.replace(
        scores, slices=_slices(model, train, task, known, found, touched, k)
    )


def evaluate_scores(
    scores_of: ScoresOf,
    train: Dataset,
    test: Dataset,
    *,
    k: int = 20,
    mask_seen: bool = False,
    seed: int = 0,
) -> Scores:
    """The same measures for scores that come from elsewhere, say from another library, without
    slices."""
    known = _task(train, test, mask_seen).of(_touched_items(train) > 0)
    return _scores(_ranked(scores_of, known, k), train, known, k, seed)[0]


def _scores(
    ranked: Int64s, train: Dataset, task: Task, k: int, seed: int
) -> tuple[Scores, PerUser]:
    found = _measured(ranked, task)
    scores = Scores(
        k=k,
        users=int(task.users.size),
        **{name: _mean(values) for name, values in found._asdict().items()},
        **of_catalogue(ranked, _holders(train), train.active_users)._asdict(),
        intervals={name: interval(values, seed) for name, values in found._asdict().items()},
        slices={},
    )
    return scores, found


def ranking(
    model: ServingModel, train: Dataset, task: Task, k: int, shown: Bools | None = None
) -> Int64s:
    """The first k items for each user of the task (n, k), as the serving path ranks them: by score,
    then what is popular; NOBODY where nothing is left. `shown` (items,): only among these."""
    return _ranked(_by_lists(model, train), task, k, shown)


def _task(train: Dataset, test: Dataset, mask_seen: bool) -> Task:
    bought_before = _incidence(train, train.pairs.purchases > 0)
    masked = _incidence(train, np.ones(train.pairs.user.size, np.bool_))
    if not mask_seen:
        masked = bought_before
    is_purchase = test.pairs.purchases > 0
    wanted = _incidence(test, is_purchase if is_purchase.any() else test.pairs.user >= 0)
    wanted = (wanted - wanted.multiply(masked)).tocsr()
    wanted.eliminate_zeros()
    return Task(np.arange(len(train.users)), wanted, masked)


def _incidence(dataset: Dataset, keep: Bools) -> csr_array:
    """Users x items, 1 where a pair is kept."""
    from scipy.sparse import csr_array

    pairs = dataset.pairs.where(keep)
    return csr_array(
        (np.ones(pairs.user.size, np.float32), (pairs.user, pairs.item)),
        shape=(len(dataset.users), len(dataset.items)),
    )


def _touched_items(dataset: Dataset) -> Int64s:
    """How many items each user touched (users,)."""
    return np.bincount(dataset.pairs.user, minlength=len(dataset.users))


def _holders(dataset: Dataset) -> Int64s:
    """How many users touched each item (items,)."""
    return np.bincount(dataset.pairs.item, minlength=len(dataset.items))


def _by_lists(model: ServingModel, train: Dataset) -> ScoresOf:
    """As the serving path scores the users of `train`: by their items' lists, then what is popular."""
    from scipy.sparse import csr_array

    lists = csr_array(
        (model.lists.weights, model.lists.items, model.lists.starts),
        shape=(len(train.items), len(train.items)),
    )
    histories = train.matrix(model.weights)

    def scores_of(users: Int64s) -> Float32s:
        scores = (histories[users] @ lists).toarray()
        floor = np.where(scores > 0, scores, np.inf).min(axis=1, keepdims=True, initial=1.0)
        return np.where(scores > 0, scores, model.catalogue.popularity * (floor * 1e-3))

    return scores_of


def _ranked(scores_of: ScoresOf, task: Task, k: int, shown: Bools | None = None) -> Int64s:
    """The first k items (n, k) by score, without what is masked. Block by block: the scores of all
    users at once would not fit."""
    ranked = np.empty((task.users.size, k), np.int64)
    for first in range(0, task.users.size, BLOCK_USERS):
        block = slice(first, first + BLOCK_USERS)
        users = task.users[block]
        ranked[block] = _first(scores_of(users), task.masked[users], k, shown)
    return ranked


def _first(scores: Float32s, masked: csr_array, k: int, shown: Bools | None) -> Int64s:
    rows = np.arange(len(scores))
    scores[np.repeat(rows, np.diff(masked.indptr)), masked.indices] = 0.0
    if shown is not None:
        scores[:, ~shown] = 0.0
    counts, items, _ = top_of_rows(scores, k)
    ranked = np.full((rows.size, k), NOBODY, np.int64)
    ranked[np.arange(k) < counts[:, None]] = items
    return ranked


def _measured(ranked: Int64s, task: Task) -> PerUser:
    wanted = task.wanted[task.users]
    rows = np.repeat(np.arange(task.users.size), np.diff(wanted.indptr))
    items = wanted.shape[1]
    shown = np.arange(task.users.size)[:, None] * items + ranked
    hits = np.isin(shown, rows * items + wanted.indices) & (ranked != NOBODY)
    return per_user(hits, np.diff(wanted.indptr).astype(np.int64))


def _mean(values: Float64s) -> float:
    return float(values.mean()) if values.size else 0.0


def _slices(
    model: ServingModel,
    train: Dataset,
    task: Task,
    known: Task,
    found: PerUser,
    touched: Int64s,
    k: int,
) -> dict[str, Slice]:
    """What the means hide; a slice that nobody is in is left out."""
    slices = {}
    strangers = task.of(touched == 0)
    slices[STRANGERS] = _slice(_measured(ranking(model, train, strangers, k), strangers))
    short = touched[known.users] <= SHORT_HISTORY
    slices[SHORT] = _slice(PerUser(*(values[short] for values in found)))
    new = ~train.touched
    about_new = _only(task, new).of(np.isin(np.arange(touched.size), known.users))
    for name, shown in ((NEW_ITEMS, None), (NEW_AMONG_NEW, new)):
        slices[name] = _slice(_measured(ranking(model, train, about_new, k, shown), about_new))
    return {name: part for name, part in slices.items() if part.users}


def _only(task: Task, items: Bools) -> Task:
    from scipy.sparse import diags_array

    wanted = (task.wanted @ diags_array(items.astype(np.float32))).tocsr()
    wanted.eliminate_zeros()
    return task._replace(wanted=wanted)


def _slice(found: PerUser) -> Slice:
    return Slice(users=found.recall.size, recall=_mean(found.recall), ndcg=_mean(found.ndcg))
