"""What an event says about products and orders (Segment's e-commerce Spec v2).

Reads any JSON without raising: what has a wrong type is as if it were absent. Amounts become int64
micros through their decimal text, so that nothing is ever rounded through a float.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from graph_schema.model.event import Event, EventType
from graph_schema.model.item import Interaction, Item
from graph_schema.model.tally import OrderFact, RefundFact

UNKNOWN_CURRENCY: Final = "XXX"
_MOST = (1 << 63) - 1

_VIEWS = frozenset({"Product Viewed", "Product Clicked", "Product Shared", "Product Reviewed"})
_CARTS = frozenset({"Product Added", "Product Added to Wishlist", "Wishlist Product Added to Cart"})
_PURCHASES = frozenset({"Order Completed"})
_OTHERS = frozenset({
    "Product List Viewed", "Product List Filtered", "Product Removed",
    "Product Removed from Wishlist", "Cart Viewed", "Checkout Started", "Order Updated",
    "Order Refunded", "Order Cancelled", "Cart Shared",
})  # fmt: skip
_ABOUT_PRODUCTS = _VIEWS | _CARTS | _PURCHASES | _OTHERS
_ORDER_STATES = frozenset({"Order Completed", "Order Updated", "Order Cancelled"})


class Line(msgspec.Struct, frozen=True):
    """A product that an event names. `price_micros` of one unit of `currency`."""

    item_id: str
    quantity_micros: int | None
    price_micros: int | None
    currency: str
    product: dict[str, Any]


def lines_of(event: Event) -> tuple[Line, ...]:
    """The products of an e-commerce event, in its order: its `products`, or itself."""
    if event.type is not EventType.TRACK or event.name not in _ABOUT_PRODUCTS:
        return ()
    currency = currency_of(event.properties)
    return tuple(
        Line(item, micros(p.get("quantity")), micros(p.get("price")), currency_of(p, currency), p)
        for p in _products(event.properties)
        for item in (_item_id(p),)
        if item is not None
    )


def interactions_of(event: Event) -> tuple[Interaction, ...]:
    """How often the event's person met each item. An order sent by the browser and by the server
    names its purchases twice: they are told apart nowhere here, since the two lie in sessions of
    different devices; what counts for recommendations is that they were bought at all."""
    name = event.name
    if name in _VIEWS:
        views, carts, purchases = 1, 0, 0
    elif name in _CARTS:
        views, carts, purchases = 0, 1, 0
    elif name in _PURCHASES:
        views, carts, purchases = 0, 0, 1
    else:
        return ()
    found = {line.item_id: None for line in lines_of(event)}
    return tuple(Interaction(item, views, carts, purchases, event.at, event.at) for item in found)


def items_of(event: Event) -> tuple[Item, ...]:
    """What the event states about items of the catalogue."""
    return tuple(
        Item(
            id=line.item_id,
            updated_at=event.at,
            name=_text(line.product.get("name")),
            category=_text(line.product.get("category")),
            brand=_text(line.product.get("brand")),
            price=line.price_micros,
            currency=line.currency if line.price_micros is not None else None,
            url=_text(line.product.get("url")),
            image_url=_text(line.product.get("image_url")),
        )
        for line in lines_of(event)
    )


def order_of(event: Event) -> tuple[str, OrderFact] | None:
    """(order id, its state) where the event is Order Completed, Updated or Cancelled. The amount is
    `revenue` (Segment's own word for it: without shipping and tax), else `total`, else `subtotal`. An
    order without an id is its own."""
    if event.type is not EventType.TRACK or event.name not in _ORDER_STATES:
        return None
    properties = event.properties
    cancelled = event.name == "Order Cancelled"
    amount = 0 if cancelled else (_amount(properties) or 0)
    order = _id(properties.get("order_id")) or event.message_id
    return order, OrderFact(event.at, event.message_id, amount, currency_of(properties), cancelled)


def refund_of(event: Event) -> RefundFact | None:
    """A refund of an order. One that names no amount refunds the whole order: `micros` is None."""
    if event.type is not EventType.TRACK or event.name != "Order Refunded":
        return None
    amount = _amount(event.properties)
    order = _id(event.properties.get("order_id")) or event.message_id
    return RefundFact(order, None if amount is None else abs(amount), currency_of(event.properties))


def micros(value: Any) -> int | None:
    """An amount as int64 micros; None where it is no number or does not fit."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        text = repr(value) if isinstance(value, float) else str(value).strip()
        if len(text) > 64:
            return None
        amount = Decimal(text)
        if not amount.is_finite() or abs(amount) > Decimal(10) ** 13:
            return None
        found = int((amount * 1_000_000).to_integral_value())
    except (InvalidOperation, ValueError):
        return None
    return found if abs(found) <= _MOST else None


def currency_of(properties: dict[str, Any], otherwise: str = UNKNOWN_CURRENCY) -> str:
    value = properties.get("currency")
    if isinstance(value, str) and len(value) == 3 and value.isascii() and value.isalpha():
        return value.upper()
    return otherwise


def _amount(properties: dict[str, Any]) -> int | None:
    for name in ("revenue", "total", "subtotal"):
        found = micros(properties.get(name))
        if found is not None:
            return found
    return None


def _products(properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    products = properties.get("products")
    if isinstance(products, list):
        yield from (product for product in products if isinstance(product, dict))
    else:
        yield properties


def _item_id(product: dict[str, Any]) -> str | None:
    return _id(product.get("product_id")) or _id(product.get("sku"))


def _id(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    if isinstance(value, int) and value.bit_length() > 64:
        return None
    text = str(value).strip()
    return text if 0 < len(text) <= 255 and "\x00" not in text else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 2048 else None
