"""The training data: the user-item graph as arrays.

Rows are streamed in and kept as seven integer columns (36 bytes a row), so that ten million
interactions stay below half a gigabyte. Rows are not combined while they are collected: a pair may
come once for every session, and a temporal split works on these finer rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gnn.arrays import Bools, Float32s, Int32s, Int64s, Micros
from gnn.errors import EmptyDataset
from gnn.rows import Collecting, Columns, Numbering
from gnn.weights import BehaviourWeights
from graph_schema.model.item import Item
from graph_schema.store import ProfileInteraction

if TYPE_CHECKING:
    from scipy.sparse import csr_array


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
        """Builds the dataset from a stream of rows and what is known of the items.

        Rows that count nothing are left out; an item may be known that no row names.
        Errors: BadInteraction with the number of the first row that cannot be used (from 0).
        """
        building = Building(items)
        building.add(rows)
        return building.dataset()

    @classmethod
    def numbered(cls, users: Sequence[str], items: Sequence[Item], rows: Columns) -> Dataset:
        """Sorts what was numbered in any order."""
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
            _added(rows.views, order, starts),
            _added(rows.carts, order, starts),
            _added(rows.purchases, order, starts),
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

    @cached_property
    def touched(self) -> Bools:
        """Which items have an interaction at all (items,)."""
        return np.bincount(self.rows.item, minlength=len(self.items)) > 0

    def strengths(self, weights: BehaviourWeights) -> Float32s:
        """What each pair counts (len(pairs),): behaviour weight times the user's time decay."""
        pairs = self.pairs
        newest = np.zeros(len(self.users), np.int64)
        np.maximum.at(newest, pairs.user, pairs.last_at)
        decay = weights.decay(pairs.last_at, newest[pairs.user])
        strengths: Float32s = weights.strength(pairs.views, pairs.carts, pairs.purchases) * decay
        return strengths

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
        shares: Float32s = (total / max(total.sum(), 1e-30)).astype(np.float32)
        return shares

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


class Building:
    """A dataset in the making: rows are added as they are read, chunk after chunk, from a store that
    is asked for them or from a file; so only the columns are ever held, not the rows."""

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._known = {item.id: item for item in items}
        self._users, self._items = Numbering(), Numbering(self._known)
        self._collecting = Collecting(self._users, self._items)

    def add(self, rows: Iterable[ProfileInteraction]) -> None:
        """Errors: BadInteraction with the number of the first row that cannot be used (from 0)."""
        self._collecting.add(rows)

    def dataset(self) -> Dataset:
        """All that was added; ask once."""
        items = [self._known.get(key) or Item(id=key, updated_at=0) for key in self._items.ids()]
        return Dataset.numbered(self._users.ids(), items, self._collecting.columns())


def ids_hash(ids: Iterable[str]) -> str:
    """SHA-256 over a list of ids in its order; each id is preceded by its length."""
    digest = hashlib.sha256()
    for key in ids:
        encoded = key.encode()
        digest.update(len(encoded).to_bytes(4, "little"))
        digest.update(encoded)
    return digest.hexdigest()


def _inverse(order: Sequence[int]) -> Int32s:
    inverse = np.empty(len(order), np.int32)
    inverse[np.asarray(order, np.int64)] = np.arange(len(order), dtype=np.int32)
    return inverse


def _added(column: Int32s, order: Int64s, starts: Int64s) -> Int32s:
    added = np.add.reduceat(column[order].astype(np.int64), starts)
    return np.minimum(added, np.iinfo(np.int32).max).astype(np.int32)
