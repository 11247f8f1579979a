"""A shop's log of views, carts and purchases to calls of the Segment spec."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, Final

from cdp.imports.files import RawRow
from cdp.imports.rows import Occurrences, Row, bad_row
from graph_schema.model.time import SECOND, from_iso, to_iso

_EVENTS: Final = {
    "view": "Product Viewed", "click": "Product Viewed", "pv": "Product Viewed",
    "cart": "Product Added", "addtocart": "Product Added", "fav": "Product Added to Wishlist",
    "buy": "Order Completed", "transaction": "Order Completed", "purchase": "Order Completed",
}  # fmt: skip
_MILLISECONDS_FROM: Final = 10**11  # as seconds it lies past the year 5000
_MOST_SECONDS: Final = 253_402_300_799  # the last second of the year 9999


def shop_row(raw: RawRow, occurrences: Occurrences) -> Row:
    """A row with `user`, `item`, `event` (view, cart, buy, or another name of these) and `ts`
    (seconds or milliseconds since 1970, or ISO 8601). A purchase is an order of this one item."""
    if raw.values is None:
        return bad_row(raw, raw.problem or "")
    user, item = _name(raw.values.get("user")), _name(raw.values.get("item"))
    if user is None or item is None:
        return bad_row(raw, "The row has no user or no item.")
    event = raw.values.get("event")
    if not isinstance(event, str) or event not in _EVENTS:
        return bad_row(raw, f"The event is none of {', '.join(_EVENTS)}.")
    timestamp = _timestamp(raw.values.get("ts"))
    if timestamp is None:
        return bad_row(raw, "ts is no time: seconds or milliseconds since 1970 or ISO 8601.")
    id_ = occurrences.id_of({"user": user, "item": item, "event": event, "ts": timestamp})
    call = {
        "type": "track",
        "messageId": id_,
        "userId": f"shop-{user}",
        "timestamp": timestamp,
        "event": _EVENTS[event],
        "properties": _properties(event, item, id_),
    }
    return Row(raw.line, call, None, None, id_)


def _properties(event: str, item: str, id_: str) -> dict[str, Any]:
    product = {"product_id": item, "quantity": 1}
    if _EVENTS[event] == "Order Completed":
        return {"order_id": id_, "products": [product]}
    return product


def _name(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else None
    return str(value).strip() or None


def _timestamp(value: Any) -> str | None:
    if isinstance(value, datetime):
        return _iso(value.isoformat())
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    except ValueError:
        return _iso(str(value))
    if not math.isfinite(number):
        return None
    seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
    if not 0 <= seconds <= _MOST_SECONDS:
        return None
    return to_iso(round(seconds * SECOND))


def _iso(text: str) -> str | None:
    try:
        return to_iso(from_iso(text.strip()))
    except (ValueError, OverflowError):
        return None
