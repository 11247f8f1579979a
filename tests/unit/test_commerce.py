"""What e-commerce events say about products, items and orders (Segment's Spec v2)."""

from __future__ import annotations

from typing import Any

import pytest

from graph_schema.model.event import Event, EventType
from graph_schema.model.item import Interaction, Item
from graph_schema.model.tally import OrderFact, RefundFact, Tally
from identity import fold
from identity.commerce import (
    KINDS,
    Line,
    LineKind,
    interactions_of,
    items_of,
    lines_of,
    merge_item,
    order_of,
    refund_of,
)
from identity.money import MOST, currency, micros


def track(name: str, at: int = 5, mid: str = "m1", /, **properties: Any) -> Event:
    return Event(mid, EventType.TRACK, name, at, at, "web", properties=properties)


UNO: dict[str, Any] = {
    "product_id": "505b", "sku": "46-32", "name": "Uno", "category": "Games", "brand": "Mattel",
    "price": 2.99, "quantity": 2, "url": "https://shop.example/uno",
    "image_url": "https://shop.example/uno.jpg",
}  # fmt: skip
UNO_LINE = Line(
    "505b", LineKind.VIEW, 2_000_000, 2_990_000, "EUR", "Uno", "Games", "Mattel",
    "https://shop.example/uno", "https://shop.example/uno.jpg",
)  # fmt: skip


# ── products ───────────────────────────────────────────────────────────────────────────────────


def test_an_event_about_one_product_is_its_line() -> None:
    assert lines_of(track("Product Viewed", **UNO, currency="EUR")) == (UNO_LINE,)


def test_products_are_lines_in_their_order() -> None:
    event = track("Order Completed", products=[UNO, {"sku": "s2", "currency": "usd"}, "junk", {}])
    lines = lines_of(event)
    assert [(line.item_id, line.currency) for line in lines] == [("505b", "XXX"), ("s2", "USD")]
    assert {line.kind for line in lines} == {LineKind.PURCHASE}


@pytest.mark.parametrize(
    ("product_id", "item"),
    [
        (507, "507"),
        (507.0, "507"),
        (" p ", "p"),
        (True, "s"),
        (0.5, "s"),
        ("", "s"),
        ([], "s"),
        (0, "0"),
    ],
)
def test_the_product_id_else_the_sku(product_id: Any, item: str) -> None:
    (line,) = lines_of(track("Product Added", product_id=product_id, sku="s"))
    assert line.item_id == item


def test_a_product_without_a_name_for_it_is_passed_over() -> None:
    assert lines_of(track("Product Viewed", name="Uno", price=3)) == ()


def test_negative_prices_and_quantities_are_absent() -> None:
    (line,) = lines_of(track("Product Viewed", product_id="a", price=-1, quantity=-2))
    assert (line.price_micros, line.quantity_micros) == (None, None)


@pytest.mark.parametrize("name", ["product viewed", "Coupon Entered", "Signed Up"])
def test_other_events_have_no_lines(name: str) -> None:
    assert lines_of(track(name, product_id="a")) == ()


def test_only_track_events_have_lines() -> None:
    page = Event("m", EventType.PAGE, "Product Viewed", 0, 0, "web", properties={"sku": "a"})
    assert not lines_of(page)
    assert not items_of(page)
    assert not interactions_of(page)


# ── items ──────────────────────────────────────────────────────────────────────────────────────


def test_an_item_as_the_event_states_it() -> None:
    (item,) = items_of(track("Product Viewed", **UNO, currency="EUR"))
    assert item == Item(
        "505b", 5, "Uno", "Games", "Mattel", 2_990_000, "EUR",
        "https://shop.example/uno", "https://shop.example/uno.jpg",
    )  # fmt: skip


def test_an_item_that_is_named_twice_is_stated_once() -> None:
    event = track("Cart Viewed", products=[{"sku": "a", "name": "A"}, {"sku": "a", "brand": "B"}])
    assert items_of(event) == (Item("a", 5, name="A", brand="B"),)


def test_without_a_price_there_is_no_currency() -> None:
    (item,) = items_of(track("Product Viewed", sku="a", currency="EUR"))
    assert (item.price, item.currency) == (None, None)


def test_newer_statements_win_field_by_field() -> None:
    known = Item("a", 5, name="Old", price=1, currency="EUR", available=False, attributes={"x": 1})
    newer = Item("a", 9, name="New", brand="B")
    expected = Item(
        "a", 9, name="New", brand="B", price=1, currency="EUR", available=False, attributes={"x": 1}
    )
    assert merge_item(known, newer) == expected


def test_older_statements_only_fill() -> None:
    known = Item("a", 5, name="Known", price=1, currency="EUR")
    late = Item("a", 2, name="Late", category="C", price=2, currency="USD")
    assert merge_item(known, late) == Item(
        "a", 5, name="Known", category="C", price=1, currency="EUR"
    )


def test_an_unknown_item_is_as_stated() -> None:
    assert merge_item(None, Item("a", 5)) == Item("a", 5)


# ── interactions ───────────────────────────────────────────────────────────────────────────────

COUNTED = {
    "Product Viewed": (1, 0, 0),
    "Product Clicked": (1, 0, 0),
    "Product Shared": (1, 0, 0),
    "Product Reviewed": (1, 0, 0),
    "Cart Shared": (1, 0, 0),
    "Product Added": (0, 1, 0),
    "Product Added to Wishlist": (0, 1, 0),
    "Wishlist Product Added to Cart": (0, 1, 0),
    "Order Completed": (0, 0, 1),
}


@pytest.mark.parametrize("name", sorted(KINDS))
def test_what_counts_as_what(name: str) -> None:
    met = interactions_of(track(name, product_id="a", quantity=7))
    counts = COUNTED.get(name)
    assert met == ((Interaction("a", *counts, 5, 5),) if counts else ())


def test_an_item_is_met_once_by_an_event() -> None:
    met = interactions_of(track("Order Completed", products=[{"sku": "a"}, {"sku": "a"}]))
    assert [one.item_id for one in met] == ["a"]


def test_an_order_sent_twice_within_a_session_is_bought_once() -> None:
    before = Tally()
    bought = track("Order Completed", order_id="o1", products=[{"sku": "a"}])
    fold.add(before, bought)
    again = track("Order Completed", 6, "m2", order_id="o1", products=[{"sku": "a"}])
    assert interactions_of(again, Tally(), before) == ()
    assert len(interactions_of(again, Tally())) == 1


def test_a_first_report_without_products_does_not_hide_the_second() -> None:
    before = Tally()
    fold.add(before, track("Order Completed", order_id="o1", revenue=3))
    again = track("Order Completed", 6, "m2", order_id="o1", products=[{"sku": "a"}])
    assert len(interactions_of(again, before)) == 1


def test_orders_without_an_id_are_never_the_same() -> None:
    before = Tally()
    fold.add(before, track("Order Completed", products=[{"sku": "a"}]))
    again = track("Order Completed", 6, "m2", products=[{"sku": "a"}])
    assert len(interactions_of(again, before)) == 1


# ── orders ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("stated", "amount"),
    [
        ({"revenue": 25, "total": 27.5, "subtotal": 22.5}, 25_000_000),
        ({"total": 27.5, "subtotal": 22.5}, 27_500_000),
        ({"subtotal": "22.50"}, 22_500_000),
        ({"revenue": "free", "total": 27.5}, 27_500_000),
        ({"revenue": 0, "total": 27.5}, 0),
    ],
)
def test_the_amount_of_an_order(stated: dict[str, Any], amount: int) -> None:
    found = order_of(track("Order Completed", order_id="o1", currency="eur", **stated))
    assert found == ("o1", OrderFact((5, "m1", amount), (5, "m1", "EUR"), completed=True))


@pytest.mark.parametrize("stated", [{}, {"revenue": -5}, {"total": None}, {"total": "1,50"}])
def test_an_order_without_a_usable_amount(stated: dict[str, Any]) -> None:
    assert order_of(track("Order Completed", **stated)) == ("m1", OrderFact(completed=True))


def test_an_order_with_products_is_itemised() -> None:
    found = order_of(track("Order Completed", products=[{"sku": "a"}]))
    assert found is not None and found[1].itemised


def test_a_cancellation_states_no_amount() -> None:
    found = order_of(track("Order Cancelled", order_id=77, revenue=5))
    assert found == ("77", OrderFact(cancelled=True))


@pytest.mark.parametrize(
    ("stated", "refund"),
    [
        ({"order_id": "o1"}, RefundFact("o1", None, None)),
        ({"order_id": "o1", "total": -3, "currency": "usd"}, RefundFact("o1", 3_000_000, "USD")),
        ({"revenue": 3}, RefundFact("m1", 3_000_000, None)),
    ],
)
def test_refunds(stated: dict[str, Any], refund: RefundFact) -> None:
    assert refund_of(track("Order Refunded", **stated)) == refund


@pytest.mark.parametrize("name", ["Product Viewed", "Checkout Started"])
def test_other_events_state_no_orders(name: str) -> None:
    assert order_of(track(name, order_id="o1")) is None
    assert refund_of(track(name, order_id="o1")) is None


# ── money ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (0.1, 100_000),
        (1.1, 1_100_000),
        ("19.99", 19_990_000),
        (" 7 ", 7_000_000),
        (1.0000015, 1_000_002),
        ("1e2", 100_000_000),
        ("0.0000005", 0),
        ("0.0000015", 2),
        (9223372036854, 9_223_372_036_854_000_000),
        (9223372036855, None),
        ("9223372036854.775807", MOST),
        ("9223372036854.775808", None),
        (1e300, None),
        (10**400, None),
        (-2.5, -2_500_000),
        (True, None),
        (None, None),
        ("", None),
        ("NaN", None),
        ("Infinity", None),
        ("1_000", None),
        ("1,000", None),
        ("$5", None),
        ("٣", None),
        ("1e9999999999", None),
        ([5], None),
    ],
)
def test_micros(value: Any, amount: int | None) -> None:
    assert micros(value) == amount


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("eur", "EUR"),
        (" USD", "USD"),
        ("", None),
        ("EURO", None),
        ("€", None),
        (978, None),
        ("äöü", None),
    ],
)
def test_currency(value: Any, code: str | None) -> None:
    assert currency(value) == code
