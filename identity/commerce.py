"""What an event says about products and orders: Segment's e-commerce events, Spec v2
(https://segment.com/docs/connections/spec/ecommerce/v2/).

Reads any JSON without raising: what has a wrong type, or does not fit, is as if it were absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final

import msgspec

from graph_schema.model.event import Event, EventType
from graph_schema.model.item import Interaction, Item
from graph_schema.model.tally import OrderFact, RefundFact, Tally
from identity.money import MOST, currency
from identity.money import micros as micros

UNKNOWN_CURRENCY: Final = "XXX"
"""ISO 4217's code where no currency is involved; here: none was sent."""


class LineKind(StrEnum):
    """What the event did with the product."""

    LIST = "list"
    VIEW = "view"
    SHARE = "share"
    REVIEW = "review"
    WISH = "wish"
    UNWISH = "unwish"
    CART = "cart"
    REMOVE = "remove"
    CHECKOUT = "checkout"
    PURCHASE = "purchase"
    UPDATE = "update"
    REFUND = "refund"
    CANCEL = "cancel"


KINDS: Final = {
    "Product List Viewed": LineKind.LIST,
    "Product List Filtered": LineKind.LIST,
    "Product Clicked": LineKind.VIEW,
    "Product Viewed": LineKind.VIEW,
    "Product Shared": LineKind.SHARE,
    "Product Reviewed": LineKind.REVIEW,
    "Product Added to Wishlist": LineKind.WISH,
    "Product Removed from Wishlist": LineKind.UNWISH,
    "Product Added": LineKind.CART,
    "Wishlist Product Added to Cart": LineKind.CART,
    "Product Removed": LineKind.REMOVE,
    "Cart Viewed": LineKind.CHECKOUT,
    "Cart Shared": LineKind.SHARE,
    "Checkout Started": LineKind.CHECKOUT,
    "Order Completed": LineKind.PURCHASE,
    "Order Updated": LineKind.UPDATE,
    "Order Refunded": LineKind.REFUND,
    "Order Cancelled": LineKind.CANCEL,
}
"""The events that are about products, by name."""

_AS_VIEW = frozenset({LineKind.VIEW, LineKind.SHARE, LineKind.REVIEW})
_AS_CART = frozenset({LineKind.CART, LineKind.WISH})
_OF_ORDERS = frozenset({"Order Completed", "Order Updated", "Order Cancelled"})
_LONGEST_ID = 255
_LONGEST_TEXT = 2048


class Line(msgspec.Struct, frozen=True):
    """A product that an event names. `quantity_micros` is in micros of one piece, `price_micros` of
    one piece in micros of `currency` (XXX where none was sent)."""

    item_id: str
    kind: LineKind
    quantity_micros: int | None = None
    price_micros: int | None = None
    currency: str = UNKNOWN_CURRENCY
    name: str | None = None
    category: str | None = None
    brand: str | None = None
    url: str | None = None
    image_url: str | None = None


# ── products ───────────────────────────────────────────────────────────────────────────────────


def lines_of(event: Event) -> tuple[Line, ...]:
    """The products of an e-commerce event, in its order: its `products`, else itself. A product
    without `product_id` goes by its `sku`; one without either is passed over."""
    kind = KINDS.get(event.name) if event.type is EventType.TRACK else None
    if kind is None:
        return ()
    usual = currency(event.properties.get("currency")) or UNKNOWN_CURRENCY
    return tuple(
        Line(
            item,
            kind,
            _not_negative(micros(product.get("quantity"))),
            _not_negative(micros(product.get("price"))),
            currency(product.get("currency")) or usual,
            _text(product.get("name")),
            _text(product.get("category")),
            _text(product.get("brand")),
            _text(product.get("url")),
            _text(product.get("image_url")),
        )
        for item, product in _products(event.properties)
    )


def items_of(event: Event) -> tuple[Item, ...]:
    """What the event states about items of the catalogue, each item once. It never states
    `available` and `attributes`: fold it in by `merge_item`."""
    stated: dict[str, Item] = {}
    for line in lines_of(event):
        item = Item(
            id=line.item_id,
            updated_at=event.at,
            name=line.name,
            category=line.category,
            brand=line.brand,
            price=line.price_micros,
            currency=line.currency if line.price_micros is not None else None,
            url=line.url,
            image_url=line.image_url,
        )
        stated[item.id] = merge_item(stated.get(item.id), item)
    return tuple(stated.values())


def merge_item(known: Item | None, stated: Item) -> Item:
    """A known item with what an event states: the newer statement wins field by field, the older one
    fills what the newer leaves open. A price and its currency go together."""
    if known is None:
        return stated
    newer, older = (stated, known) if stated.updated_at >= known.updated_at else (known, stated)
    priced = newer if newer.price is not None else older
    return Item(
        id=known.id,
        updated_at=newer.updated_at,
        name=newer.name or older.name,
        category=newer.category or older.category,
        brand=newer.brand or older.brand,
        price=priced.price,
        currency=priced.currency,
        url=newer.url or older.url,
        image_url=newer.image_url or older.image_url,
        available=known.available,
        attributes=known.attributes,
    )


def interactions_of(event: Event, *before: Tally) -> tuple[Interaction, ...]:
    """How often the event met each item: at most once, whatever the quantity.

    A view is Product Viewed, Clicked, Shared and Reviewed; a cart is Product Added, Product Added to
    Wishlist and Wishlist Product Added to Cart; a purchase is Order Completed. Taking out of a cart,
    cancelling and refunding take nothing back: they do not unsay the interest.

    `before`: the tallies of what its session held before it. An order that they completed already is
    not bought again. An order sent by the browser and by the server lies in two sessions, and is
    counted in each: interactions hang on sessions, and none knows of the other.
    """
    kind = KINDS.get(event.name) if event.type is EventType.TRACK else None
    views, carts = int(kind in _AS_VIEW), int(kind in _AS_CART)
    purchases = int(kind is LineKind.PURCHASE)
    if not (views or carts or purchases) or (purchases and _is_repeated(event, before)):
        return ()
    items = dict.fromkeys(item for item, _ in _products(event.properties))
    return tuple(Interaction(item, views, carts, purchases, event.at, event.at) for item in items)


def _is_repeated(event: Event, before: tuple[Tally, ...]) -> bool:
    order = _order_id(event)
    known = (tally.orders.get(order) for tally in before)
    return any(fact is not None and fact.itemised for fact in known)


# ── orders ─────────────────────────────────────────────────────────────────────────────────────


def order_of(event: Event) -> tuple[str, OrderFact] | None:
    """(order id, what is stated of it) where the event is Order Completed, Updated or Cancelled.

    The amount is `revenue`, Segment's word for what the shop earns by the transaction (without
    shipping and tax); else `total`, else `subtotal`. An order without an id is its own.
    """
    if event.name not in _OF_ORDERS or event.type is not EventType.TRACK:
        return None
    at, mid = event.at, event.message_id
    code = currency(event.properties.get("currency"))
    money = None if code is None else (at, mid, code)
    if event.name == "Order Cancelled":
        return _order_id(event), OrderFact(currency=money, cancelled=True)
    amount = _not_negative(_amount(event.properties))
    completed = event.name == "Order Completed"
    return _order_id(event), OrderFact(
        amount=None if amount is None else (at, mid, amount),
        currency=money,
        completed=completed,
        itemised=completed and any(True for _ in _products(event.properties)),
    )


def refund_of(event: Event) -> RefundFact | None:
    """A refund of an order. Where it names no amount it refunds all of the order: Spec v2 asks of
    Order Refunded no more than the order's id, and to repeat all products of the order. Some senders
    write the amount negative."""
    if event.name != "Order Refunded" or event.type is not EventType.TRACK:
        return None
    amount = _amount(event.properties)
    return RefundFact(
        _order_id(event),
        None if amount is None else abs(amount),
        currency(event.properties.get("currency")),
    )


def _order_id(event: Event) -> str:
    return _id(event.properties.get("order_id")) or event.message_id


def _amount(properties: dict[str, Any]) -> int | None:
    for name in ("revenue", "total", "subtotal"):
        found = micros(properties.get(name))
        if found is not None:
            return found
    return None


# ── underneath ─────────────────────────────────────────────────────────────────────────────────


def _products(properties: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(item id, product)"""
    stated = properties.get("products")
    products = stated if isinstance(stated, list) and stated else (properties,)
    for product in products:
        if isinstance(product, dict):
            item = _id(product.get("product_id")) or _id(product.get("sku"))
            if item is not None:
                yield item, product


def _id(value: Any) -> str | None:
    """Ids are text; shops also send them as whole numbers."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MOST:
        return str(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    return text if 0 < len(text) <= _LONGEST_ID and "\x00" not in text else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT else None


def _not_negative(amount: int | None) -> int | None:
    return None if amount is None or amount < 0 else amount
