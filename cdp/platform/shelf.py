"""The catalogue as columns, in the order of a model's items: a filter is a few array operations.

Asking every item of 50,000 whether it passes would take longer than the whole answer may. Tests of
attributes are asked of those items only that the columns leave; what a filter let through is
remembered until an item changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from api.platform import ItemWhere
from cdp.platform.items import attribute_filter
from graph_schema.model.item import Item

Bools = npt.NDArray[np.bool_]
MOST_REMEMBERED = 64
NO_PRICE = -1


class Shelf:
    """The columns of the catalogue. An item that the model knows and the catalogue does not is never
    allowed. Not safe for several threads: `put` belongs to the thread that asks."""

    def __init__(self, item_ids: Sequence[str], catalogue: Mapping[str, Item]) -> None:
        items = [catalogue.get(id_) for id_ in item_ids]
        self._items = items
        self._place = {id_: place for place, id_ in enumerate(item_ids)}
        self._known = np.array([item is not None for item in items], np.bool_)
        self._available = np.array(
            [item is not None and item.available for item in items], np.bool_
        )
        self._prices = np.array([_price(item) for item in items], np.int64)
        self._category, self._brand = _Names(), _Names()
        self._categories = self._category.codes(None if i is None else i.category for i in items)
        self._brands = self._brand.codes(None if i is None else i.brand for i in items)
        self._remembered: dict[bytes, Bools] = {}

    def put(self, changed: Mapping[str, Item | None]) -> None:
        """Takes in what became of some items; None: it is gone. What was let through before is a
        copy of its own, and stays as it was."""
        places = [(self._place[id_], item) for id_, item in changed.items() if id_ in self._place]
        if not places:
            return
        self._available = self._available.copy()
        for place, item in places:
            self._items[place] = item
            self._known[place] = item is not None
            self._available[place] = item is not None and item.available
            self._prices[place] = _price(item)
            self._categories[place] = self._category.code(None if item is None else item.category)
            self._brands[place] = self._brand.code(None if item is None else item.brand)
        self._remembered.clear()

    def allowed(self, where: ItemWhere | None) -> Bools:
        """Which items pass (items,); without a filter those that can be bought. Not to be changed:
        it is remembered. Raises BadInput where a test of an attribute is none."""
        if where is None:
            return self._available
        key = msgspec.json.encode(where)
        found = self._remembered.get(key)
        if found is None:
            found = self._passing(where)
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)))
            self._remembered[key] = found
        return found

    def _passing(self, where: ItemWhere) -> Bools:
        found = self._known.copy()
        if where.available is not None:
            found &= self._available == where.available
        if where.ids is not None:
            found &= self._among(where.ids)
        if where.exclude_ids is not None:
            found &= ~self._among(where.exclude_ids)
        if where.categories is not None:
            found &= np.isin(self._categories, self._category.known(where.categories))
        if where.brands is not None:
            found &= np.isin(self._brands, self._brand.known(where.brands))
        if where.price_gte is not None:
            found &= (self._prices != NO_PRICE) & (self._prices >= where.price_gte)
        if where.price_lte is not None:
            found &= (self._prices != NO_PRICE) & (self._prices <= where.price_lte)
        if where.any is not None:
            either = np.zeros_like(found)
            for part in where.any:
                either |= self._passing(part)
            found &= either
        if where.negated is not None:
            found &= ~self._passing(where.negated)
        passes = attribute_filter(where)
        if where.attributes:
            for place in np.flatnonzero(found).tolist():
                item = self._items[place]
                found[place] = item is not None and passes(item)
        return found

    def _among(self, ids: Sequence[str]) -> Bools:
        found = np.zeros(len(self._items), np.bool_)
        found[[self._place[id_] for id_ in ids if id_ in self._place]] = True
        return found


def _price(item: Item | None) -> int:
    return NO_PRICE if item is None or item.price is None else item.price


class _Names:
    """A number for each name, -1 for none."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def code(self, name: str | None) -> int:
        return -1 if name is None else self._numbers.setdefault(name, len(self._numbers))

    def codes(self, names: Iterable[str | None]) -> npt.NDArray[np.int32]:
        return np.array([self.code(name) for name in names], np.int32)

    def known(self, wanted: Sequence[str]) -> list[int]:
        return [self._numbers[name] for name in wanted if name in self._numbers]
