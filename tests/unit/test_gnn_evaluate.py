"""The measures, beside a plain loop over the serving path."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gnn import split
from gnn.dataset import Dataset
from gnn.evaluate import Scores, evaluate
from gnn.models.item_knn import ItemKnn
from gnn.models.popularity import Popularity
from gnn.recommender import Request
from graph_schema.model.item import Interaction
from graph_schema.store import ProfileInteraction


def dataset() -> Dataset:
    rng = np.random.default_rng(11)
    rows = []
    for at in range(1, 1500):
        user = int(rng.integers(40))
        item = int(rng.zipf(1.6)) % 25 + (user % 2) * 25
        buys = int(rng.random() < 0.4)
        rows.append(ProfileInteraction(f"u{user:02}", f"i{item:02}", 1, 0, buys, at, at))
    return Dataset.from_rows(rows)


def plainly(model: ItemKnn | Popularity, train: Dataset, test: Dataset, k: int) -> dict[str, float]:
    bought: dict[int, set[int]] = {}
    for user, item, buys in zip(
        test.pairs.user, test.pairs.item, test.pairs.purchases, strict=True
    ):
        if buys:
            bought.setdefault(int(user), set()).add(int(item))
    sums = dict.fromkeys(("recall", "ndcg", "mrr", "hit_rate"), 0.0)
    users = 0
    for user, wanted in bought.items():
        history = [
            Interaction(train.item_ids[pair[1]], *pair[2:])
            for pair in zip(*(column.tolist() for column in train.pairs), strict=True)
            if pair[0] == user
        ]
        already = {train.item_ids.index(t.item_id) for t in history if t.purchases}
        wanted = wanted - already
        if not history or not wanted:
            continue
        users += 1
        answer = model.recommend(Request(history=history, first=k)).items
        hits = [train.item_ids.index(item.item_id) in wanted for item in answer]
        sums["recall"] += sum(hits) / len(wanted)
        gained = sum(hit / math.log2(place + 2) for place, hit in enumerate(hits))
        sums["ndcg"] += gained / sum(
            1 / math.log2(place + 2) for place in range(min(len(wanted), k))
        )
        sums["mrr"] += 1 / (hits.index(True) + 1) if any(hits) else 0
        sums["hit_rate"] += any(hits)
    return {name: value / users for name, value in sums.items()}


@pytest.mark.parametrize("model", [ItemKnn(shrink=0.5), Popularity()])
@pytest.mark.parametrize("k", [3, 10])
def test_it_measures_what_serving_would_show(model: ItemKnn | Popularity, k: int) -> None:
    parts = split.by_share(dataset(), 0.2)
    model.fit(parts.train)
    scores = evaluate(model.serving, parts.train, parts.test, k=k)
    for name, value in plainly(model, parts.train, parts.test, k).items():
        assert math.isclose(getattr(scores, name), value, rel_tol=1e-6), name
    assert 0 < scores.coverage <= 1


def test_masking_all_that_was_seen_is_another_question() -> None:
    rows = [ProfileInteraction(f"u{n}", "seen", 1, 0, 0, 1, 1) for n in range(5)]
    rows += [ProfileInteraction(f"u{n}", f"own{n}", 1, 0, 0, 1, 1) for n in range(5)]
    rows += [ProfileInteraction("u0", "seen", 0, 0, 1, 9, 9)]
    parts = split.at(Dataset.from_rows(rows), cut=5)
    model = Popularity().fit(parts.train).serving
    assert evaluate(model, parts.train, parts.test, k=1).recall == 1.0
    assert evaluate(model, parts.train, parts.test, k=1, mask_seen=True).users == 0


def test_without_a_purchase_any_touch_is_wanted() -> None:
    rows = [ProfileInteraction(f"u{n}", "a", 1, 0, 0, 1, 1) for n in range(5)]
    rows += [ProfileInteraction("u9", "b", 1, 0, 0, 1, 1)]
    rows += [ProfileInteraction("u9", "a", 1, 0, 0, 9, 9)]
    parts = split.at(Dataset.from_rows(rows), cut=5)
    scores = evaluate(Popularity().fit(parts.train).serving, parts.train, parts.test, k=1)
    assert (scores.users, scores.recall) == (1, 1.0)


def test_an_item_that_training_never_saw_is_missed() -> None:
    rows = [
        ProfileInteraction("a", "x", 1, 0, 0, 1, 1),
        ProfileInteraction("b", "y", 1, 0, 0, 1, 1),
    ]
    rows += [ProfileInteraction("a", "new", 1, 0, 1, 9, 9)]
    parts = split.at(Dataset.from_rows(rows), cut=5)
    scores = evaluate(Popularity().fit(parts.train).serving, parts.train, parts.test, k=2)
    assert (scores.users, scores.recall) == (1, 0.0)


def test_nobody_to_ask() -> None:
    data = Dataset.from_rows([ProfileInteraction("a", "x", 1, 0, 0, 1, 1)])
    nothing = data.subset(np.zeros(1, np.bool_))
    model = Popularity().fit(data).serving
    assert evaluate(model, data, nothing) == Scores(
        k=20,
        users=0,
        recall=0,
        ndcg=0,
        mrr=0,
        hit_rate=0,
        coverage=0,
        intervals=dict.fromkeys(("recall", "ndcg", "mrr", "hit_rate"), (0.0, 0.0)),
    )
