"""The training data: what rows become, and which are refused."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import numpy as np
import pytest

from gnn.dataset import Dataset, ids_hash
from gnn.errors import BadInteraction, EmptyDataset
from gnn.rows import CHUNK_ROWS
from gnn.weights import MICROS_OF_DAY, BehaviourWeights
from graph_schema.errors import CdpError
from graph_schema.model.item import Item
from graph_schema.store import ProfileInteraction

ROWS = [
    ProfileInteraction("bo", "hat", 2, 0, 0, 5, 9),
    ProfileInteraction("al", "cap", 0, 1, 1, 3, 3),
    ProfileInteraction("bo", "hat", 1, 1, 0, 1, 7),
    ProfileInteraction("bo", "cap", 1, 0, 0, 8, 8),
]


def test_users_and_items_are_sorted_by_id_and_items_without_rows_are_kept() -> None:
    dataset = Dataset.from_rows(ROWS, [Item(id="bag", updated_at=0, name="Bag")])
    assert dataset.users == ("al", "bo")
    assert dataset.item_ids == ("bag", "cap", "hat")
    assert dataset.items[0].name == "Bag"
    assert dataset.touched.tolist() == [False, True, True]


def test_rows_of_one_pair_are_combined() -> None:
    pairs = Dataset.from_rows(ROWS).pairs
    assert list(zip(*(column.tolist() for column in pairs), strict=True)) == [
        (0, 0, 0, 1, 1, 3, 3),
        (1, 0, 1, 0, 0, 8, 8),
        (1, 1, 3, 1, 0, 1, 9),
    ]


def test_the_order_of_the_stream_says_nothing() -> None:
    shuffled = list(ROWS)
    random.Random(4).shuffle(shuffled)
    one, other = Dataset.from_rows(ROWS), Dataset.from_rows(shuffled)
    assert one.graph_hash == other.graph_hash
    assert one.users == other.users


@pytest.mark.parametrize(
    "changed",
    [
        ProfileInteraction("al", "cap", 0, 1, 2, 3, 3),
        ProfileInteraction("al", "cap", 0, 1, 1, 3, 4),
        ProfileInteraction("al", "cup", 0, 1, 1, 3, 3),
        ProfileInteraction("el", "cap", 0, 1, 1, 3, 3),
    ],
)
def test_another_fact_gives_another_graph_hash(changed: ProfileInteraction) -> None:
    other = Dataset.from_rows([ROWS[0], changed, *ROWS[2:]])
    assert other.graph_hash != Dataset.from_rows(ROWS).graph_hash


def test_ids_hash_knows_where_an_id_ends() -> None:
    assert ids_hash(["ab", "c"]) != ids_hash(["a", "bc"])


def test_cutoff_and_active_users() -> None:
    dataset = Dataset.from_rows(ROWS)
    assert dataset.cutoff == 9
    assert dataset.active_users == 2
    assert dataset.subset(dataset.rows.user == 0).active_users == 1
    assert Dataset.from_rows([]).cutoff == 0


def test_a_row_that_counts_nothing_is_left_out() -> None:
    dataset = Dataset.from_rows([ProfileInteraction("a", "b", 0, 0, 0, 1, 1)])
    assert dataset.rows.user.size == 0


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (ProfileInteraction("a", "b", math.nan, 0, 0, 1, 1), "float"),  # type: ignore[arg-type]
        (ProfileInteraction("a", "b", 1.5, 0, 0, 1, 1), "float"),  # type: ignore[arg-type]
        (ProfileInteraction("a", "b", 1, 0, 0, math.nan, 1), "float"),  # type: ignore[arg-type]
        (ProfileInteraction("a", "b", None, 0, 0, 1, 1), "NoneType"),  # type: ignore[arg-type]
        (ProfileInteraction("a", "b", 2**40, 0, 0, 1, 1), "greater than maximum"),
        (ProfileInteraction("a", "b", 1, -1, 0, 1, 1), "a count is negative"),
        (ProfileInteraction("a", "b", 1, 0, 0, 2, 1), "ends before it begins"),
        (ProfileInteraction("a", "b", 1, 0, 0, -2, 1), "a time is negative"),
        (ProfileInteraction("", "b", 1, 0, 0, 1, 1), "an id is no text"),
        (ProfileInteraction("a", 7, 1, 0, 0, 1, 1), "an id is no text"),  # type: ignore[arg-type]
    ],
)
def test_a_row_that_cannot_be_used_is_named(row: ProfileInteraction, said: str) -> None:
    with pytest.raises(BadInteraction, match=rf"Interaction 2 .*{said}") as caught:
        Dataset.from_rows([ROWS[0], ROWS[1], row, ROWS[3]])
    assert isinstance(caught.value, CdpError)
    assert caught.value.code == "BAD_INTERACTION"


def test_the_number_of_a_bad_row_counts_the_chunks_before_it() -> None:
    def stream() -> Iterator[ProfileInteraction]:
        for _ in range(CHUNK_ROWS + 3):
            yield ROWS[0]
        yield ProfileInteraction("a", "b", -1, 0, 0, 1, 1)

    with pytest.raises(BadInteraction, match=f"Interaction {CHUNK_ROWS + 3} "):
        Dataset.from_rows(stream())


def test_counts_beyond_32_bits_stay_at_the_border() -> None:
    most = 2**31 - 1
    rows = [ProfileInteraction("a", "b", most, 0, 0, 1, 1)] * 3
    assert Dataset.from_rows(rows).pairs.views.tolist() == [most]


def test_one_user_with_a_hundred_thousand_rows() -> None:
    rows = (ProfileInteraction("a", f"i{n}", 1, 0, 0, n, n) for n in range(100_000))
    dataset = Dataset.from_rows(rows)
    assert dataset.pairs.user.size == 100_000
    assert np.isfinite(dataset.matrix(BehaviourWeights()).data).all()


def test_strength_saturates_and_decays_from_the_users_newest_touch() -> None:
    weights = BehaviourWeights(view=1.0, cart=2.0, purchase=4.0, half_life_days=10.0)
    late, early = 100 * MICROS_OF_DAY, 90 * MICROS_OF_DAY
    dataset = Dataset.from_rows(
        [
            ProfileInteraction("a", "x", 1, 0, 0, late, late),
            ProfileInteraction("a", "y", 3, 1, 1, early, early),
            # Long ago for the world, but the newest of b: it counts in full.
            ProfileInteraction("b", "x", 1, 0, 0, 0, 0),
        ]
    )
    assert dataset.strengths(weights).tolist() == [1.0, (2.0 + 2.0 + 4.0) / 2, 1.0]
    timeless = BehaviourWeights(view=1.0, cart=2.0, purchase=4.0, half_life_days=None)
    assert dataset.strengths(timeless).tolist() == [1.0, 8.0, 1.0]


def test_popularity_adds_up_to_one() -> None:
    shares = Dataset.from_rows(ROWS).popularity(BehaviourWeights())
    assert math.isclose(float(shares.sum()), 1.0, rel_tol=1e-6)
    assert Dataset.from_rows([], [Item(id="x", updated_at=0)]).popularity(
        BehaviourWeights()
    ).tolist() == [0.0]


def test_a_matrix_needs_an_interaction() -> None:
    with pytest.raises(EmptyDataset, match="0 profiles and 1 items"):
        Dataset.from_rows([], [Item(id="x", updated_at=0)]).matrix(BehaviourWeights())
