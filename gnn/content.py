"""Lists by what items are: for items that nobody, or too few, have touched.

Category, brand, words of the name and textual attributes are tokens, weighed by TF-IDF; likeness is
the cosine. Rare tokens decide, as in a search engine. Capped so that it stays a side dish: a token
that half of the catalogue has says nothing and costs the most, so it is left out.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gnn import item_lists
from gnn.arrays import Bools
from gnn.dataset import Dataset
from gnn.item_lists import ItemLists
from graph_schema.model.item import Item

if TYPE_CHECKING:
    from scipy.sparse import csr_array

WIDTH = 20
COMMONEST_TOKEN = 2_000
"""A token that more items have is left out, unless the catalogue is small."""
_WORD = re.compile(r"\w{2,}")


def lists_by_attributes(dataset: Dataset) -> ItemLists:
    """For each item without any interaction the `WIDTH` items most like it that have some; empty
    for the others, which have better evidence."""
    touched = dataset.touched
    tokens = None if touched.all() else _token_matrix(dataset.items)
    if tokens is None:
        return item_lists.empty(len(dataset.items))
    warm = _rows_where(tokens, touched).T.tocsr()
    cold = _rows_where(tokens, ~touched)
    return item_lists.strongest(
        lambda first, last: (cold[first:last] @ warm).tocsr(), len(dataset.items), width=WIDTH
    )


def _rows_where(matrix: csr_array, keep: Bools) -> csr_array:
    from scipy.sparse import diags_array

    kept: csr_array = (diags_array(keep.astype(np.float32)) @ matrix).tocsr()
    kept.eliminate_zeros()
    return kept


def _token_matrix(items: Sequence[Item]) -> csr_array | None:
    """Items x tokens, float32, rows of length 1; None where no item says anything."""
    from scipy.sparse import csr_array, diags_array

    numbers: dict[str, int] = {}
    rows, columns = array("i"), array("i")
    for row, item in enumerate(items):
        for token in set(_tokens(item)):
            rows.append(row)
            columns.append(numbers.setdefault(token, len(numbers)))
    if not rows:
        return None
    matrix = csr_array(
        (np.ones(len(rows), np.float32), (np.array(rows), np.array(columns))),
        shape=(len(items), len(numbers)),
    )
    holders = np.bincount(np.array(columns), minlength=len(numbers))
    rarity = np.log((1.0 + len(items)) / holders)
    rarity[holders > max(COMMONEST_TOKEN, len(items) // 2)] = 0.0
    weighed = (matrix @ diags_array(rarity.astype(np.float32))).tocsr()
    length = np.sqrt(np.asarray((weighed * weighed).sum(axis=1)).ravel())
    scaled: csr_array = (
        diags_array((1.0 / np.maximum(length, 1e-12)).astype(np.float32)) @ weighed
    ).tocsr()
    return scaled


def _tokens(item: Item) -> Iterator[str]:
    if item.category:
        yield f"category={item.category}"
    if item.brand:
        yield f"brand={item.brand}"
    for word in _WORD.findall((item.name or "").casefold()):
        yield f"name={word}"
    for key, value in item.attributes.items():
        if isinstance(value, str) and value:
            yield f"{key}={value.casefold()}"
