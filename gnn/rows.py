"""Interactions as columns: what a stream of rows becomes before it is a dataset."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from gnn.arrays import Bools, Int32s, Int64s
from gnn.errors import BadInteraction
from graph_schema.store import ProfileInteraction

CHUNK_ROWS = 65_536
FIELDS = ("profile_id", "item_id", "views", "carts", "purchases", "first_at", "last_at")


class Columns(NamedTuple):
    """Interactions as columns of one length; `user` and `item` are positions in the id lists."""

    user: Int32s
    item: Int32s
    views: Int32s
    carts: Int32s
    purchases: Int32s
    first_at: Int64s
    last_at: Int64s

    def where(self, keep: Bools | Int64s) -> Columns:
        return Columns(
            self.user[keep],
            self.item[keep],
            self.views[keep],
            self.carts[keep],
            self.purchases[keep],
            self.first_at[keep],
            self.last_at[keep],
        )


class Numbering:
    """Gives each id the next free number."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._numbers = {key: number for number, key in enumerate(ids)}

    def __call__(self, key: str) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def ids(self) -> list[str]:
        return list(self._numbers)


class Collecting:
    """Reads rows into columns as they come and gives each new id its number; a row is forgotten when
    it was read. Rows that count nothing are left out."""

    def __init__(self, users: Numbering, items: Numbering) -> None:
        self._users = users
        self._items = items
        self._parts: list[Columns] = []
        self._done = 0

    def add(self, rows: Iterable[ProfileInteraction]) -> None:
        """Errors: BadInteraction with the row's number, from 0, over all that was added."""
        for chunk in _chunks(rows):
            try:
                columns = _columns(chunk, self._users, self._items)
            except (TypeError, ValueError, OverflowError) as error:
                raise _first_bad_row(chunk, self._done) from error
            if wrong := _first_impossible(columns):
                raise BadInteraction(row=self._done + wrong[0], reason=wrong[1])
            counts = columns.views | columns.carts | columns.purchases
            self._parts.append(columns.where(counts > 0))
            self._done += len(chunk)

    def columns(self) -> Columns:
        """All that was added. What was read is handed over: ask once."""
        parts = self._parts or [_columns([], self._users, self._items)]
        self._parts = []
        return _joined(parts)


def _joined(parts: list[Columns]) -> Columns:
    return Columns(
        np.concatenate([part.user for part in parts]),
        np.concatenate([part.item for part in parts]),
        np.concatenate([part.views for part in parts]),
        np.concatenate([part.carts for part in parts]),
        np.concatenate([part.purchases for part in parts]),
        np.concatenate([part.first_at for part in parts]),
        np.concatenate([part.last_at for part in parts]),
    )


def _chunks(rows: Iterable[ProfileInteraction]) -> Iterator[list[ProfileInteraction]]:
    stream = iter(rows)
    while chunk := list(islice(stream, CHUNK_ROWS)):
        yield chunk


def _columns(chunk: list[ProfileInteraction], users: Numbering, items: Numbering) -> Columns:
    fields = [list(map(attrgetter(name), chunk)) for name in FIELDS]
    if not (_all_ids(fields[0]) and _all_ids(fields[1])):
        raise TypeError("an id is no text")
    return Columns(
        _int32s(map(users, fields[0])),
        _int32s(map(items, fields[1])),
        _int32s(fields[2]),
        _int32s(fields[3]),
        _int32s(fields[4]),
        _int64s(fields[5]),
        _int64s(fields[6]),
    )


def _int32s(values: Iterable[int]) -> Int32s:
    """The `array` module, not NumPy, reads the numbers: it refuses a float instead of cutting it."""
    return np.array(array("i", values), np.int32)


def _int64s(values: Iterable[int]) -> Int64s:
    return np.array(array("q", values), np.int64)


def _all_ids(keys: Iterable[object]) -> bool:
    return all(isinstance(key, str) and key for key in keys)


def _first_bad_row(chunk: list[ProfileInteraction], before: int) -> BadInteraction:
    for number, row in enumerate(chunk):
        try:
            _columns([row], Numbering(), Numbering())
        except (TypeError, ValueError, OverflowError) as error:
            return BadInteraction(row=before + number, reason=str(error))
    return BadInteraction(row=before, reason="it changed while it was read")


def _first_impossible(columns: Columns) -> tuple[int, str] | None:
    for wrong, reason in (
        (
            np.minimum(np.minimum(columns.views, columns.carts), columns.purchases) < 0,
            "a count is negative",
        ),
        (columns.first_at < 0, "a time is negative"),
        (columns.first_at > columns.last_at, "it ends before it begins"),
    ):
        if wrong.any():
            return int(np.argmax(wrong)), reason
    return None
