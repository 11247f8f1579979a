"""A blend of models, the shape of a filter: what is learnt on held-out pairs."""

from __future__ import annotations

import numpy as np
import pytest

from gnn import held_out
from gnn.dataset import Dataset
from gnn.held_out import Trial
from gnn.models.blend import Blend, _grid
from gnn.models.filter_choice import USUAL, chosen_shape
from gnn.models.graph_filter import Shape, Spectrum, orthonormal, random_start
from gnn.models.item_knn import ItemKnn
from gnn.models.popularity import Popularity
from gnn.models.spectral import Spectral
from gnn.weights import BehaviourWeights
from graph_schema.store import ProfileInteraction

WEIGHTS = BehaviourWeights()


def tastes(people: int = 80, seed: int = 5) -> Dataset:
    rng = np.random.default_rng(seed)
    rows = []
    for at in range(2_500):
        user = int(rng.integers(people))
        item = int(rng.integers(20)) + user % 2 * 20
        rows.append(ProfileInteraction(f"u{user:02}", f"i{item:02}", 1, 0, at % 2, at, at))
    return Dataset.from_rows(rows)


def test_a_part_that_says_nothing_gets_no_weight() -> None:
    blend = Blend(parts=("item_knn", "popularity")).fit(tastes(), seed=1)
    assert blend.shares == (1.0, 0.0)
    alone = ItemKnn().fit(tastes(), seed=1).serving.lists
    assert np.array_equal(blend.serving.lists.items, alone.items)


def test_given_shares_are_used_and_no_pair_is_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "last_share", None)
    blend = Blend(parts=("item_knn", "spectral"), shares=(0.5, 0.5), settings_of={
        "spectral": {"k": 8, "shape": tuple(USUAL)}
    }).fit(tastes(), seed=1)  # fmt: skip
    knn = ItemKnn().fit(tastes(), seed=1).serving.lists
    spectral = Spectral(k=8, shape=USUAL).fit(tastes(), seed=1).serving.lists
    for item in (0, 25):
        expected = np.zeros(40)
        for lists in (knn, spectral):
            filled = lists.starts[:-1][np.diff(lists.starts) > 0]
            others, weights = lists.row(item)
            expected[others] += 0.5 * weights / lists.weights[filled].mean()
        found = np.zeros(40)
        others, weights = blend.serving.lists.row(item)
        found[others] = weights
        assert np.allclose(found, expected, rtol=1e-5)


def test_with_nobody_to_ask_the_parts_count_alike() -> None:
    row = ProfileInteraction("u", "i", 1, 0, 0, 1, 1)
    blend = Blend(parts=("item_knn", "popularity")).fit(Dataset.from_rows([row]))
    assert blend.shares == (0.5, 0.5)


def test_the_grid_shares_out_one() -> None:
    grid = _grid(3)
    assert grid[0] == (1.0, 0.0, 0.0)
    assert len(grid) == len(set(grid)) == 21
    assert all(sum(shares) == pytest.approx(1.0) for shares in grid)
    assert {(1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.2, 0.4, 0.4)} <= set(grid)


def test_a_trial_takes_the_newest_pairs_of_its_users_and_of_nobody_else() -> None:
    data = tastes()
    users = np.array([3, 10, 50])
    trial = Trial.of(data, WEIGHTS, users, seed=0)
    whole, left = data.matrix(WEIGHTS).toarray() > 0, trial.left.matrix(WEIGHTS).toarray() > 0
    others = np.setdiff1d(np.arange(len(data.users)), users)
    assert np.array_equal(whole[others], left[others])
    assert np.array_equal(trial.seen, left[users])
    assert np.array_equal(trial.wanted, whole[users] & ~left[users])
    for user, wanted in zip(users, trial.wanted, strict=True):
        own = data.pairs.where(data.pairs.user == user)
        held = np.isin(own.item, np.flatnonzero(wanted))
        assert held.sum() == max(1, own.item.size // 5)
        assert own.last_at[held].min() > own.last_at[~held].max()


def test_the_shape_is_the_usual_one_unless_another_is_surely_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gnn.models import filter_choice

    def fake(good: Shape, by: float):  # type: ignore[no-untyped-def]
        noise = np.random.default_rng(11)

        def quality(trial, spectrum, shape):  # type: ignore[no-untyped-def]
            chance = noise.normal(0, 0.3, trial.wanted.shape[0])
            return (by if shape == good else 0.0) + chance

        return quality

    data, other = tastes(people=600), Shape(0.1, 0.1, 0.02, 0.6)
    monkeypatch.setattr(filter_choice, "quality", fake(other, 0.5))
    assert chosen_shape(data, WEIGHTS) == other
    monkeypatch.setattr(filter_choice, "quality", fake(other, 0.01))
    assert chosen_shape(data, WEIGHTS) == USUAL


def test_few_people_keep_the_usual_shape() -> None:
    assert chosen_shape(tastes(people=20), WEIGHTS) == USUAL


def test_a_filter_with_all_vectors_is_the_filter_of_the_whole_matrix() -> None:
    """S = D^-b [V h V'] D^b, by the dense singular value decomposition."""
    matrix = tastes().matrix(WEIGHTS)
    dense = matrix.toarray().astype(np.float64)
    users, items = dense.sum(axis=1), dense.sum(axis=0)
    scaled = dense * users[:, None] ** -0.3 * items[None, :] ** -0.4
    _, values, vectors = np.linalg.svd(scaled, full_matrices=False)
    response = values**2 / (values**2 + 0.08 * values[0] ** 2)
    expected = (vectors.T * response) @ vectors
    expected *= items[None, :] ** 0.4 / items[:, None] ** 0.4
    start = random_start(40, 40, seed=0)
    spectrum = Spectrum.of(matrix, USUAL, 40, passes=6, start=start)
    found = spectrum.rows(USUAL._replace(tail=0.0))(slice(0, 40))
    assert np.allclose(found, expected, atol=1e-4)


def test_the_tail_stands_in_for_vectors_that_are_not_computed() -> None:
    """With the whole tail the rest of A'A follows, scaled by the slope at which the filter ends."""
    matrix = tastes().matrix(WEIGHTS)
    start = random_start(40, 4, seed=0)
    spectrum = Spectrum.of(matrix, USUAL, 4, passes=8, start=start)
    energy = spectrum.values.astype(np.float64) ** 2
    response = energy / (energy + 0.08 * energy[0])
    adjacency = spectrum.adjacency.toarray().astype(np.float64)
    vectors = spectrum.vectors.astype(np.float64)
    rest = adjacency.T @ adjacency - (vectors * energy) @ vectors.T
    expected = (vectors * response) @ vectors.T + response[-1] / energy[-1] * rest
    scale = spectrum.item_scale
    found = spectrum.rows(USUAL._replace(tail=1.0))(slice(0, 40))
    assert np.allclose(found, expected * scale / scale[:, None], atol=1e-4)


@pytest.mark.parametrize("dependent", [False, True])
def test_orthonormal_columns_span_the_same_space(dependent: bool) -> None:
    block = np.random.default_rng(2).standard_normal((60, 6)).astype(np.float32)
    if dependent:
        block[:, 5] = block[:, 0]
    basis = orthonormal(block)
    assert np.allclose(basis.T @ basis, np.eye(6), atol=1e-5)
    assert np.allclose(basis @ (basis.T @ block), block, atol=1e-4)


def test_popularity_has_no_lists_to_blend() -> None:
    assert Popularity().fit(tastes()).serving.lists.items.size == 0
