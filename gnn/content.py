"""Lists by what items are, for items that nobody has touched yet.

A cold item speaks for the items most like it, by the cosine of their tokens (`gnn.tokens`). And it is
spoken for: S[h, cold] is the mean of S[h, n] over the touched items n most like it, each counted by
its likeness. For a model whose S is a product of vectors that is the mean of the neighbours' vectors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gnn import item_lists
from gnn.arrays import Bools
from gnn.dataset import Dataset
from gnn.item_lists import ItemLists
from gnn.tokens import token_matrix

if TYPE_CHECKING:
    from scipy.sparse import csr_array

WIDTH = 20
NEIGHBOURS = 10


def lists_by_attributes(dataset: Dataset) -> ItemLists:
    """For each item without any interaction the `WIDTH` items most like it that have some; empty
    for the others, which have better evidence."""
    touched = dataset.touched
    tokens = None if touched.all() else token_matrix(dataset.items)
    if tokens is None:
        return item_lists.empty(len(dataset.items))
    warm = _rows_where(tokens, touched).T.tocsr()
    cold = _rows_where(tokens, ~touched)
    return item_lists.strongest(
        lambda first, last: (cold[first:last] @ warm).tocsr(), len(dataset.items), width=WIDTH
    )


def with_cold(lists: ItemLists, by_attributes: ItemLists, width: int) -> ItemLists:
    """The lists of touched items, where cold ones stand in their place: as their `NEIGHBOURS`
    nearest of `by_attributes` do on the average. Keeps the `width` strongest of each list."""
    if not by_attributes.items.size or not lists.items.size:
        return lists
    spoken = _matrix(lists)
    nearest = _nearest(by_attributes).T.tocsr()

    def rows_of(first: int, last: int) -> csr_array:
        block = spoken[first:last]
        found: csr_array = (block + block @ nearest).tocsr()
        return found

    return item_lists.strongest(rows_of, lists.size, width=width)


def _nearest(by_attributes: ItemLists) -> csr_array:
    """Cold items x touched items: the shares of the nearest ones, 1 in each row."""
    from scipy.sparse import diags_array

    place = np.arange(by_attributes.items.size) - np.repeat(
        by_attributes.starts[:-1], np.diff(by_attributes.starts)
    )
    matrix = _matrix(by_attributes)
    matrix.data[place >= NEIGHBOURS] = 0.0
    matrix.eliminate_zeros()
    total = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1e-12)
    shares: csr_array = (diags_array((1.0 / total).astype(np.float32)) @ matrix).tocsr()
    return shares


def _matrix(lists: ItemLists) -> csr_array:
    from scipy.sparse import csr_array

    return csr_array(
        (lists.weights.copy(), lists.items.copy(), lists.starts.copy()),
        shape=(lists.size, lists.size),
    )


def _rows_where(matrix: csr_array, keep: Bools) -> csr_array:
    from scipy.sparse import diags_array

    kept: csr_array = (diags_array(keep.astype(np.float32)) @ matrix).tocsr()
    kept.eliminate_zeros()
    return kept
