"""Item lists: the strongest of each row, and what is wrong with arrays."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from gnn import item_lists
from gnn.item_lists import ItemLists


def plainly(dense: np.ndarray, width: int) -> list[list[tuple[int, float]]]:
    rows = []
    for number, row in enumerate(dense):
        entries = [(i, float(v)) for i, v in enumerate(row) if v > 0 and i != number]
        rows.append(sorted(entries, key=lambda entry: (-entry[1], entry[0]))[:width])
    return rows


def as_rows(lists: ItemLists) -> list[list[tuple[int, float]]]:
    rows = []
    for number in range(lists.size):
        items, weights = lists.row(number)
        rows.append(list(zip(items.tolist(), weights.tolist(), strict=True)))
    return rows


@pytest.mark.parametrize("width", [1, 3, 20, 50])
@pytest.mark.parametrize("block", [1, 7, 100])
def test_the_strongest_positive_entries_off_the_diagonal(width: int, block: int) -> None:
    dense = np.random.default_rng(0).standard_normal((20, 20)).astype(np.float32)
    lists = item_lists.strongest(
        lambda first, last: dense[first:last].copy(), 20, width=width, block=block
    )
    assert lists.fault() is None
    assert as_rows(lists) == plainly(dense, width)


@pytest.mark.parametrize("width", [1, 3, 50])
def test_sparse_rows_give_the_same_lists(width: int) -> None:
    rng = np.random.default_rng(1)
    dense = rng.random((20, 20)).astype(np.float32) * (rng.random((20, 20)) < 0.3)
    sparse = csr_array(dense)
    lists = item_lists.strongest(lambda first, last: sparse[first:last], 20, width=width, block=6)
    assert as_rows(lists) == plainly(dense, width)


def test_between_keeps_the_marked_rows_and_columns() -> None:
    dense = np.arange(1, 17, dtype=np.float32).reshape(4, 4)
    lists = item_lists.strongest(lambda first, last: dense[first:last].copy(), 4)
    kept = item_lists.between(lists, np.array([True, False, True, False]))
    assert as_rows(kept) == [[(2, 3.0)], [], [(0, 9.0)], []]
    assert kept.fault() is None
