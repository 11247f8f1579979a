"""Tables of a shop's behaviour (user, item, event, ts) as Segment calls, as the public research data
sets have them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cdp.imports.row import Row
from graph_schema.model.time import SECOND, to_iso

NAMES = {
    "view": "Product Viewed", "click": "Product Viewed", "pv": "Product Viewed",
    "cart": "Product Added", "addtocart": "Product Added", "fav": "Product Added to Wishlist",
    "buy": "Order Completed", "transaction": "Order Completed", "purchase": "Order Completed",
}  # fmt: skip
MILLISECONDS_FROM = 10**11
"""A count of seconds that large lies past the year 5000: it is one of milliseconds."""


def call_of(row: dict[str, Any], line: int, id_: str) -> Row:
    """The track call that a row says; the `ts` is in seconds or milliseconds since 1970, or a time."""
    name = NAMES.get(str(row.get("event")))
    user, item, moment = row.get("user"), row.get("item"), _moment(row.get("ts"))
    if name is None:
        return Row(line, id_, problem=f"The event must be one of: {', '.join(NAMES)}.")
    if user is None or item is None or moment is None:
        return Row(line, id_, problem="A row must have user, item and ts.")
    product = {"product_id": str(item)}
    properties: dict[str, Any] = product
    if name == "Order Completed":
        properties = {"order_id": id_, "products": [product]}
    return Row(
        line,
        id_,
        call={
            "type": "track",
            "event": name,
            "userId": f"shop-{user}",
            "messageId": id_,
            "timestamp": moment,
            "properties": properties,
        },
    )


def _moment(value: Any) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat()
    try:
        number = float(value)
        seconds = number / 1000 if number >= MILLISECONDS_FROM else number
        return to_iso(int(seconds * SECOND))
    except (TypeError, ValueError, OverflowError):
        return None
