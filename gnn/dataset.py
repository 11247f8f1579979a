"""The training data: the user-item graph as arrays.

Rows are streamed in and kept as seven integer columns (36 bytes a row), so that ten million
interactions stay below half a gigabyte. Rows are not combined while they are collected: a pair may
come once for every session, and a temporal split works on these finer rows.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gnn.arrays import Bools, Float32s, Int32s, Int64s, Micros
from gnn.errors import BadInteraction, EmptyDataset
from gnn.weights import BehaviourWeights
from graph_schema.model.item import Item
from graph_schema.store import ProfileInteraction

if TYPE_CHECKING:
    from scipy.sparse import csr_array

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
        return Columns(*(column[keep] for column in self))


class Dataset:
    """Users, items and their interactions up to a cutoff. Immutable once built.

    `users` and `items` are sorted by id, so that the same facts give the same arrays and hashes in
    whatever order they were streamed. An item without interactions is kept: it can be recommended
    by its attributes.
    """

    def __init__(self, users: Sequence[str], items: Sequence[Item], rows: Columns) -> None:
        self.users = tuple(users)
        self.items = tuple(items)
        self.rows = rows

    @classmethod
    def from_rows(cls, rows: Iterable[ProfileInteraction], items: Iterable[Item] = ()) -> Dataset:
        """Builds the dataset from a stream of rows and what is known of the items. Rows that count nothing are left out.

        Errors: BadInteraction with the number of the first row that cannot be used (from 0).
        """
        known = {item.id: item for item in items}
        users, item_ids = _Numbering(), _Numbering(known)
        columns = _collect(rows, users, item_ids)
        return cls._sorted(
            users.ids(),
            [known.get(key) or Item(id=key, updated_at=0) for key in item_ids.ids()],
            columns,
        )

    @classmethod
    def _sorted(cls, users: Sequence[str], items: Sequence[Item], rows: Columns) -> Dataset:
        user_order = sorted(range(len(users)), key=users.__getitem__)
        item_order = sorted(range(len(items)), key=lambda n: items[n].id)
        return cls(
            [users[n] for n in user_order],
            [items[n] for n in item_order],
            rows._replace(
                user=_inverse(user_order)[rows.user], item=_inverse(item_order)[rows.item]
            ),
        )

    def subset(self, keep: Bools) -> Dataset:
        """The same users and items with a part of the rows: what a split is made of."""
        return Dataset(self.users, self.items, self.rows.where(keep))

    @cached_property
    def item_ids(self) -> tuple[str, ...]:
        return tuple(item.id for item in self.items)

    @cached_property
    def pairs(self) -> Columns:
        """One row for each (user, item), sorted by both: counts added, first and last times."""
        rows = self.rows
        if not rows.user.size:
            return rows
        key = rows.user.astype(np.int64) * len(self.items) + rows.item
        order = np.argsort(key, kind="stable")
        key = key[order]
        starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
        return Columns(
            rows.user[order[starts]],
            rows.item[order[starts]],
            *(_added(column, order, starts) for column in rows[2:5]),
            np.minimum.reduceat(rows.first_at[order], starts),
            np.maximum.reduceat(rows.last_at[order], starts),
        )

    @property
    def cutoff(self) -> Micros:
        """The time of the newest interaction; 0 without any."""
        return int(self.rows.last_at.max(initial=0))

    @cached_property
    def active_users(self) -> int:
        """How many users have an interaction here (a split keeps all ids)."""
        return int(np.count_nonzero(np.diff(self._user_starts())))

    def strengths(self, weights: BehaviourWeights) -> Float32s:
        """What each pair counts (len(pairs),): behaviour weight times the user's time decay."""
        pairs = self.pairs
        newest = np.zeros(len(self.users), np.int64)
        np.maximum.at(newest, pairs.user, pairs.last_at)
        decay = weights.decay(pairs.last_at, newest[pairs.user])
        return weights.strength(pairs.views, pairs.carts, pairs.purchases) * decay

    def matrix(self, weights: BehaviourWeights) -> csr_array:
        """R, users x items, float32: the strengths of the pairs.

        Errors: EmptyDataset where there is no interaction at all.
        """
        from scipy.sparse import csr_array

        self.require_interactions()
        return csr_array(
            (self.strengths(weights), self.pairs.item, self._user_starts()),
            shape=(len(self.users), len(self.items)),
        )

    def require_interactions(self) -> None:
        """Errors: EmptyDataset where there is no interaction at all."""
        if not self.rows.user.size:
            raise EmptyDataset(
                reason=f"{len(self.users)} profiles and {len(self.items)} items, no interaction"
            )

    def popularity(self, weights: BehaviourWeights) -> Float32s:
        """Each item's share of all strengths (items,); adds up to 1, all zero when empty."""
        total = np.bincount(
            self.pairs.item, weights=self.strengths(weights), minlength=len(self.items)
        )
        return (total / max(total.sum(), 1e-30)).astype(np.float32)

    @cached_property
    def graph_hash(self) -> str:
        """SHA-256 over ids and pairs: equal exactly when the same facts were trained on."""
        digest = hashlib.sha256()
        for ids in (self.users, self.item_ids):
            digest.update(ids_hash(ids).encode())
        for column in self.pairs:
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()

    def _user_starts(self) -> Int64s:
        return np.searchsorted(self.pairs.user, np.arange(len(self.users) + 1)).astype(np.int64)


def ids_hash(ids: Iterable[str]) -> str:
    """SHA-256 over a list of ids in its order; each id is preceded by its length."""
    digest = hashlib.sha256()
    for key in ids:
        encoded = key.encode()
        digest.update(len(encoded).to_bytes(4, "little"))
        digest.update(encoded)
    return digest.hexdigest()


class _Numbering:
    """Gives each id the next free number."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._numbers = {key: number for number, key in enumerate(ids)}

    def __call__(self, key: str) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def ids(self) -> list[str]:
        return list(self._numbers)


def _collect(rows: Iterable[ProfileInteraction], users: _Numbering, items: _Numbering) -> Columns:
    parts: list[Columns] = []
    done = 0
    for chunk in _chunks(rows):
        try:
            columns = _columns(chunk, users, items)
        except (TypeError, ValueError, OverflowError) as error:
            raise _first_bad_row(chunk, done) from error
        if wrong := _first_impossible(columns):
            raise BadInteraction(row=done + wrong[0], reason=wrong[1])
        parts.append(columns.where((columns.views | columns.carts | columns.purchases) > 0))
        done += len(chunk)
    if not parts:
        parts.append(_columns([], users, items))
    return Columns(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _chunks(rows: Iterable[ProfileInteraction]) -> Iterator[list[ProfileInteraction]]:
    stream = iter(rows)
    while chunk := list(islice(stream, CHUNK_ROWS)):
        yield chunk


def _columns(chunk: list[ProfileInteraction], users: _Numbering, items: _Numbering) -> Columns:
    """The `array` module, not NumPy, reads the numbers: it refuses a float instead of cutting it."""
    fields = [list(map(attrgetter(name), chunk)) for name in FIELDS]
    if not (_all_ids(fields[0]) and _all_ids(fields[1])):
        raise TypeError("an id is no text")
    coded = (map(users, fields[0]), map(items, fields[1]))
    return Columns(
        *(np.array(array("i", column), np.int32) for column in (*coded, *fields[2:5])),
        *(np.array(array("q", column), np.int64) for column in fields[5:7]),
    )


def _all_ids(keys: Iterable[object]) -> bool:
    return all(isinstance(key, str) and key for key in keys)


def _first_bad_row(chunk: list[ProfileInteraction], before: int) -> BadInteraction:
    for number, row in enumerate(chunk):
        try:
            _columns([row], _Numbering(), _Numbering())
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


def _inverse(order: Sequence[int]) -> Int32s:
    inverse = np.empty(len(order), np.int32)
    inverse[np.asarray(order, np.int64)] = np.arange(len(order), dtype=np.int32)
    return inverse


def _added(column: Int32s, order: Int64s, starts: Int64s) -> Int32s:
    added = np.add.reduceat(column[order].astype(np.int64), starts)
    return np.minimum(added, np.iinfo(np.int32).max).astype(np.int32)
