"""Items of the merchant's catalogue."""

from __future__ import annotations

from typing import Any

import msgspec

from graph_schema.model.time import Micros


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """`price` in int64 micros of `currency` (ISO 4217). `updated_at` is the event time of the newest
    statement about the item: later statements win field by field."""

    id: str
    updated_at: Micros
    name: str | None = None
    category: str | None = None
    brand: str | None = None
    price: int | None = None
    currency: str | None = None
    url: str | None = None
    image_url: str | None = None
    available: bool = True
    attributes: dict[str, Any] = {}


class Interaction(msgspec.Struct, frozen=True):
    """How often a session, or a profile over its sessions, met an item."""

    item_id: str
    views: int = 0
    carts: int = 0
    purchases: int = 0
    first_at: Micros = 0
    last_at: Micros = 0
