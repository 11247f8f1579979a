"""The ways in which the future leaks into training, each with a test that would catch it."""

from __future__ import annotations

import numpy as np
import pytest

from gnn import split
from gnn.dataset import Dataset
from gnn.errors import EmptyDataset
from gnn.evaluate import evaluate
from gnn.models.popularity import Popularity
from gnn.models.spectral import Spectral
from gnn.train import compare
from gnn.weights import BehaviourWeights
from graph_schema.store import ProfileInteraction


def row(
    user: str, item: str, at: int, *, until: int | None = None, views: int = 1, buys: int = 0
) -> ProfileInteraction:
    return ProfileInteraction(user, item, views, 0, buys, at, at if until is None else until)


def pairs_of(dataset: Dataset) -> set[tuple[str, str]]:
    return {
        (dataset.users[user], dataset.item_ids[item])
        for user, item in zip(dataset.rows.user, dataset.rows.item, strict=True)
    }


def test_popularity_and_degrees_of_test_time_stay_in_test_time() -> None:
    before = [row(f"u{n}", "old", at=n) for n in range(3)]
    after = [row(f"u{n}", "new", at=100 + n) for n in range(50)]
    parts = split.at(Dataset.from_rows(before + after), cut=50)
    shares = dict(
        zip(parts.train.item_ids, parts.train.popularity(BehaviourWeights()), strict=True)
    )
    assert shares == {"old": 1.0, "new": 0.0}
    model = Popularity().fit(parts.train)
    assert model.serving.catalogue.popularity[model.item_ids.index("new")] == 0
    assert parts.train.cutoff <= 50


def test_a_target_pair_is_in_no_behaviours_edge_of_training() -> None:
    rows = [
        row("a", "x", at=10),
        row("a", "y", at=60, views=3, buys=0),
        row("a", "y", at=61, views=0, buys=1),
    ]
    parts = split.at(Dataset.from_rows(rows), cut=50)
    assert pairs_of(parts.train) == {("a", "x")}
    assert pairs_of(parts.test) == {("a", "y")}


def test_a_row_across_the_cut_is_in_neither_part() -> None:
    """Its counts are one number for before and after: either part would know of the other."""
    rows = [row("a", "x", at=10), row("a", "y", at=40, until=60, buys=1), row("a", "z", at=70)]
    parts = split.at(Dataset.from_rows(rows), cut=50)
    assert pairs_of(parts.train) == {("a", "x")}
    assert pairs_of(parts.test) == {("a", "z")}


def test_leave_last_out_takes_the_pair_out_of_every_behaviour() -> None:
    rows = [
        row("a", "x", at=1, buys=1),
        row("a", "y", at=2, views=5),
        row("a", "y", at=9, views=0, buys=1),
        row("b", "x", at=3),
    ]
    parts = split.leave_last_out(Dataset.from_rows(rows))
    assert pairs_of(parts.test) == {("a", "y")}
    assert pairs_of(parts.train) == {("a", "x"), ("b", "x")}
    assert parts.test.rows.user.size == 2


def test_leave_last_out_of_nothing_is_nothing() -> None:
    parts = split.leave_last_out(Dataset.from_rows([]))
    assert parts.train.rows.user.size == parts.test.rows.user.size == 0


def test_one_person_is_one_user_on_both_sides() -> None:
    """Two sessions of one resolved profile: what was bought in the first is masked in the second,
    and the person is asked about once."""
    rows = [row(f"u{n}", item, at=n) for n in range(9) for item in ("p", "q", "r")]
    rows += [row("merged", "p", at=20, buys=1), row("merged", "q", at=80, buys=1)]
    rows += [row("merged", "p", at=85, buys=1)]
    parts = split.at(Dataset.from_rows(rows), cut=50)
    assert parts.train.users == parts.test.users
    model = Popularity().fit(parts.train)
    scores = evaluate(model.serving, parts.train, parts.test, k=1)
    assert (scores.users, scores.recall) == (1, 1.0)


def test_validation_comes_before_test_and_is_no_part_of_it() -> None:
    dataset = Dataset.from_rows([row(f"u{n % 7}", f"i{n % 11}", at=n) for n in range(200)])
    parts = split.three_parts(dataset)
    assert parts.tune.train.cutoff <= parts.tune.cut < parts.tune.test.rows.first_at.min()
    assert parts.tune.test.cutoff <= parts.final.cut < parts.final.test.rows.first_at.min()
    assert parts.final.train.rows.user.size == (
        parts.tune.train.rows.user.size + parts.tune.test.rows.user.size
    )


def test_no_model_is_shown_test_time_while_it_is_compared() -> None:
    shown: list[int] = []

    class Spy(Spectral):
        def _lists(self, dataset, seed, progress):  # type: ignore[no-untyped-def]
            shown.append(dataset.cutoff)
            return super()._lists(dataset, seed, progress)

    dataset = Dataset.from_rows([row(f"u{n % 7}", f"i{n % 11}", at=n) for n in range(200)])
    table = compare([Spy(k=4)], dataset)
    assert set(table) == {"spectral", "popularity", "item_knn"}
    cut = int(np.quantile(np.arange(200), 0.9, method="lower"))
    assert shown == [cut]


def test_the_share_is_the_newest() -> None:
    dataset = Dataset.from_rows([row("u", f"i{n:03}", at=n) for n in range(100)])
    parts = split.by_share(dataset, 0.2)
    assert parts.test.rows.user.size == 20
    assert parts.test.rows.first_at.min() == 80


def test_what_cannot_be_cut_is_said() -> None:
    with pytest.raises(EmptyDataset, match="cut in time"):
        split.by_share(Dataset.from_rows([row("u", f"i{n}", at=5) for n in range(9)]))
    with pytest.raises(EmptyDataset):
        split.by_share(Dataset.from_rows([]))
