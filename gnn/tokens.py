"""What items are, as tokens: category, brand, words of the name, attributes, the order of the price.

A token that one item has alone says nothing about others, one that most have says little; TF-IDF
weighs them. Commonest tokens are left out where they would cost the most and say the least.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graph_schema.model.item import Item

if TYPE_CHECKING:
    from scipy.sparse import csr_array

COMMONEST_TOKEN = 2_000
"""A token that more items have is left out, unless the catalogue is small."""
MOST_ELEMENTS = 50
"""So many elements of a listed attribute are read."""
_WORD = re.compile(r"\w{2,}")


def token_matrix(items: Sequence[Item]) -> csr_array | None:
    """Items x tokens, TF-IDF, float32, rows of length 1; None where no item says anything."""
    from scipy.sparse import csr_array, diags_array

    numbers: dict[str, int] = {}
    rows, columns = array("i"), array("i")
    for row, item in enumerate(items):
        for token in dict.fromkeys(tokens(item)):  # not a set: its order is another in each process
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
    scaled.eliminate_zeros()
    return scaled


def tokens(item: Item) -> Iterator[str]:
    """What is known of an item, token by token; a token may come twice."""
    if item.category:
        yield f"category={item.category}"
    if item.brand:
        yield f"brand={item.brand}"
    if item.price is not None and item.price > 0:
        yield f"price={round(2 * math.log2(item.price))} {item.currency}"
    for word in _WORD.findall((item.name or "").casefold()):
        yield f"name={word}"
    for key, value in item.attributes.items():
        yield from _of_attribute(key, value)


def _of_attribute(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, str) and value:
        whole = value.casefold()
        yield f"{key}={whole}"
        words = _WORD.findall(whole)
        if len(words) > 1:
            yield from (f"{key}~{word}" for word in words)
    elif isinstance(value, bool | int):
        yield f"{key}={value}"
    elif isinstance(value, list | tuple):
        for element in value[:MOST_ELEMENTS]:
            if isinstance(element, str | int):
                yield from _of_attribute(key, element)
