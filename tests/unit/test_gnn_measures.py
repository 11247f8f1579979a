"""Measures of rankings against plain definitions; intervals that hold what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnn import evaluate as evaluation
from gnn import split
from gnn.dataset import Dataset
from gnn.evaluate import NEW_AMONG_NEW, NEW_ITEMS, SHORT, STRANGERS, evaluate
from gnn.measures import NOBODY, interval, ndcg_of_scores, of_catalogue, per_user
from gnn.models.item_knn import ItemKnn
from gnn.models.popularity import Popularity
from graph_schema.model.item import Item
from graph_schema.store import ProfileInteraction


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.integers(min_value=0, max_value=9))
def test_one_users_measures_are_their_definitions(shown: list[bool], more: int) -> None:
    wanted = max(1, sum(shown) + more)
    found = per_user(np.array([shown]), np.array([wanted]))
    hits = [place for place, hit in enumerate(shown, start=1) if hit]
    assert found.recall[0] == pytest.approx(len(hits) / wanted)
    assert found.hit_rate[0] == bool(hits)
    assert found.mrr[0] == pytest.approx(1 / hits[0] if hits else 0.0)
    ideal = sum(1 / math.log2(place + 1) for place in range(1, min(wanted, len(shown)) + 1))
    gained = sum(1 / math.log2(place + 1) for place in hits)
    assert found.ndcg[0] == pytest.approx(gained / ideal)


def test_ndcg_of_scores_ranks_by_score() -> None:
    scores = np.array([[0.1, 0.9, 0.5], [0.3, 0.2, 0.1]], np.float32)
    wanted = np.array([[False, True, False], [False, False, True]])
    assert ndcg_of_scores(scores, wanted, k=1).tolist() == [1.0, 0.0]
    assert ndcg_of_scores(scores, wanted)[1] == pytest.approx(1 / math.log2(4))


def test_the_interval_holds_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for trial in range(60):
        low, high = interval((rng.random(80) < 0.3).astype(np.float64), seed=trial)
        inside += low <= 0.3 <= high
    assert 52 <= inside <= 60


def test_the_interval_of_nothing_and_of_one_value() -> None:
    assert interval(np.empty(0)) == (0.0, 0.0)
    assert interval(np.full(9, 0.25)) == (0.25, 0.25)


def test_what_is_shown_beside_what_people_choose() -> None:
    holders = np.array([8, 4, 1, 0])
    found = of_catalogue(np.array([[0, 1], [0, NOBODY]]), holders, users=8)
    assert found.coverage == 0.5
    assert found.novelty == pytest.approx((0 + 1 + 0) / 3)
    chosen = (8 * 8 + 4 * 4 + 1 * 1) / 13
    assert found.popularity_bias == pytest.approx((8 + 4 + 8) / 3 / chosen)
    assert of_catalogue(np.empty((0, 5), np.int64), holders, 8) == (0.0, 0.0, 0.0)


def shop() -> split.Split:
    """Two tastes; in the future a stranger, somebody with one item, and a new item like an old one."""
    rows = [
        ProfileInteraction(f"u{n:02}", f"{n % 2}{item}", 1, 0, 0, item, item)
        for n in range(30)
        for item in range(6)
        if (n // 2 + item) % 3
    ]
    rows += [ProfileInteraction("short", "00", 1, 0, 0, 1, 1)]
    rows += [ProfileInteraction("stranger", "00", 1, 0, 1, 99, 99)]
    rows += [ProfileInteraction("short", "01", 1, 0, 1, 99, 99)]
    rows += [ProfileInteraction("u00", "0new", 1, 0, 1, 99, 99)]
    items = [
        Item("05", 0, name="striped scarf"), Item("0new", 0, name="striped shawl"),
        Item("1other", 0, name="garden hose"),
    ]  # fmt: skip
    return split.at(Dataset.from_rows(rows, items), cut=50)


def test_strangers_short_histories_and_new_items_stand_apart() -> None:
    parts = shop()
    scores = evaluate(ItemKnn(shrink=0.0).fit(parts.train).serving, parts.train, parts.test, k=6)
    assert scores.users == 2
    assert set(scores.slices) == {STRANGERS, SHORT, NEW_ITEMS, NEW_AMONG_NEW}
    assert {name: part.users for name, part in scores.slices.items()} == {
        STRANGERS: 1, SHORT: 1, NEW_ITEMS: 1, NEW_AMONG_NEW: 1,
    }  # fmt: skip
    assert scores.slices[STRANGERS].recall == 1.0
    assert scores.slices[NEW_AMONG_NEW].recall == 1.0
    names = {metric.split for metric in scores.metrics("temporal")}
    assert f"temporal, {NEW_ITEMS}" in names


def test_among_new_items_only_new_items_are_ranked(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = shop()
    model = ItemKnn().fit(parts.train).serving
    shown: list[set[str]] = []

    def spy(ranked, task):  # type: ignore[no-untyped-def]
        shown.append({parts.train.item_ids[item] for item in ranked.ravel() if item != NOBODY})
        return real(ranked, task)

    real = evaluation._measured
    monkeypatch.setattr(evaluation, "_measured", spy)
    evaluate(model, parts.train, parts.test, k=9)
    assert shown[-1] == {"0new"}


def test_a_sample_of_users_is_asked_where_there_are_many() -> None:
    rows = [ProfileInteraction(f"u{n:03}", f"i{n % 7}", 1, 0, 0, 1, 1) for n in range(300)]
    rows += [ProfileInteraction(f"u{n:03}", f"i{(n + 1) % 7}", 0, 0, 1, 9, 9) for n in range(300)]
    parts = split.at(Dataset.from_rows(rows), cut=5)
    model = Popularity().fit(parts.train).serving
    assert evaluate(model, parts.train, parts.test, most_users=50).users == 50
    assert evaluate(model, parts.train, parts.test).users == 300


def test_fewer_items_than_places_leave_places_empty() -> None:
    rows = [
        ProfileInteraction("a", "x", 0, 0, 1, 1, 1),
        ProfileInteraction("b", "y", 1, 0, 0, 1, 1),
    ]
    rows += [ProfileInteraction("a", "y", 0, 0, 1, 9, 9)]
    parts = split.at(Dataset.from_rows(rows), cut=5)
    scores = evaluate(Popularity().fit(parts.train).serving, parts.train, parts.test, k=20)
    assert (scores.users, scores.recall, scores.ndcg) == (1, 1.0, 1.0)
