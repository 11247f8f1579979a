"""Whatever JSON a client sends in context, properties and traits, nothing raises, and what comes of
it can be stored."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_schema.model.event import Event, EventType
from graph_schema.model.item import Item
from graph_schema.model.session import DeviceFacts
from graph_schema.model.tally import Tally
from identity import commerce, device_facts, fold
from identity.money import MOST, micros

WORDS = [
    "products", "product_id", "sku", "name", "category", "brand", "price", "quantity", "currency",
    "url", "image_url", "order_id", "revenue", "total", "subtotal", "campaign", "source", "medium",
    "page", "referrer", "consent", "categoryPreferences", "device", "type", "userAgent", "os",
    "userAgentData", "mobile", "platform", "locale", "timezone", "screen", "width", "height",
    "location", "country", "ip", "library", "model",
]  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**40, -(10**40), 2**63, 2**64, 0, -1]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["1e999", "-0", "EUR", "203.0.113.9", "::ffff:1.2.3.4", "fe80::1%eth0", "://"]),
)
keys = st.one_of(st.sampled_from(WORDS), st.text(max_size=4))
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=8,
)
objects = st.dictionaries(keys, anything, max_size=6)
events = st.builds(
    Event,
    message_id=st.just("m1"),
    type=st.sampled_from(EventType),
    name=st.sampled_from([*commerce.KINDS, "identify", "page"]),
    at=st.integers(0, 2**52),
    received_at=st.just(0),
    source=st.just("web"),
    traits=objects,
    properties=objects,
    context=objects,
)
lenient = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(events)
@lenient
def test_folding(event: Event) -> None:
    tally = Tally()
    fold.add(tally, event)
    for said in (fold.orders, fold.revenue, fold.traits, fold.consent):
        said(tally)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(tally), type=Tally) == tally


@given(events)
@lenient
def test_products(event: Event) -> None:
    lines = commerce.lines_of(event)
    for line in lines:
        assert line.item_id.strip()
        assert line.price_micros is None or 0 <= line.price_micros <= MOST
        assert line.quantity_micros is None or 0 <= line.quantity_micros <= MOST
        assert len(line.currency) == 3 and line.currency.isupper()
    items = commerce.items_of(event)
    assert {item.id for item in items} == {line.item_id for line in lines}
    assert len(items) == len({item.id for item in items})
    assert all(msgspec.json.decode(msgspec.json.encode(i), type=Item) == i for i in items)
    met = commerce.interactions_of(event)
    assert {one.item_id for one in met} <= {item.id for item in items}
    assert all(one.views + one.carts + one.purchases == 1 for one in met)


@given(events)
@lenient
def test_device_facts(event: Event) -> None:
    facts = device_facts.facts_of(event)
    stored = msgspec.msgpack.encode(facts)
    assert msgspec.msgpack.decode(stored, type=DeviceFacts) == facts
    assert device_facts.merge(facts, DeviceFacts()) == facts
    assert device_facts.merge(DeviceFacts(), facts) == facts


@given(anything)
@lenient
def test_amounts(value: Any) -> None:
    found = micros(value)
    assert found is None or -MOST <= found <= MOST


@given(st.integers(-MOST, MOST))
def test_an_amount_reads_as_it_was_written(amount: int) -> None:
    sign, (whole, rest) = "-" if amount < 0 else "", divmod(abs(amount), 1_000_000)
    assert micros(f"{sign}{whole}.{rest:06}") == amount


@given(st.decimals(-(10**8), 10**8, places=2))
def test_a_float_of_a_price_is_the_price(price: Any) -> None:
    assert micros(float(price)) == int(price * 1_000_000)
