"""What a batch makes of items, for whoever follows the change feed."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from graph_schema.model.change import Change, ItemsTouched
from graph_schema.model.item import Item


def touched(changes: Iterable[tuple[Item | None, Item]]) -> list[Change]:
    """From (as it was known, as it is now): the entry of the feed, none where only times differ."""
    ids = [now.id for before, now in changes if before is None or _otherwise(before, now)]
    return [ItemsTouched(tuple(sorted(ids)))] if ids else []


def _otherwise(before: Item, now: Item) -> bool:
    return msgspec.structs.replace(before, updated_at=now.updated_at) != now
