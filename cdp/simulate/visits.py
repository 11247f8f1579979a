"""One visit: what a person does on a device, as Segment calls."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from cdp.simulate.catalogue import Product
from cdp.simulate.people import SCREENS, Device, Person
from graph_schema.model.time import SECOND, Micros, to_iso

Call = dict[str, Any]
CAMPAIGNS = ("autumn-sale", "newsletter-47", "retargeting")


class Visit:
    """Yields (time, call) in the order in which they happen. `login`: whether the person logs in
    during the visit; every call from then on has the user id."""

    def __init__(
        self,
        rng: random.Random,
        person: Person,
        device: Device,
        start: Micros,
        choose: Callable[[Person], Product],
        *,
        login: bool,
    ) -> None:
        self._rng = rng
        self._person = person
        self._device = device
        self._at = start
        self._choose = choose
        self._login = login
        self._user: str | None = None
        self._context = self._make_context()

    @property
    def ended_at(self) -> Micros:
        """When the device is free again: that of the last call so far which it made itself."""
        return self._at

    def calls(self) -> Iterator[tuple[Micros, Call]]:
        rng = self._rng
        looks = rng.choice((2, 3, 4, 5, 7))
        login_after = self._looks_before_login(looks)
        yield self._call("page", name="Home")
        if login_after == 0:
            yield self._identify()
        if rng.random() < 0.3:
            yield self._track("Products Searched", {"query": self._person.likes[0][0]})
        cart: list[Product] = []
        for looked in range(1, looks + 1):
            product = self._choose(self._person)
            if rng.random() < 0.25:
                listed = {"category": product.category, "products": [product.line()]}
                yield self._track("Product List Viewed", listed)
            yield self._track("Product Viewed", product.line())
            if rng.random() < 0.3:
                cart.append(product)
                yield self._track("Product Added", product.line() | {"quantity": 1})
            if login_after == looked:
                yield self._identify()
        if cart and rng.random() < 0.8:
            yield self._track("Cart Viewed", {"products": [p.line() for p in cart]})
        if cart and rng.random() < 0.55:
            yield from self._order(cart)

    def _looks_before_login(self, looks: int) -> int | None:
        """How many products are looked at before the login: half of the logins come first, a quarter
        while looking around, a quarter before the cart. None where nobody logs in."""
        draw = self._rng.random()
        if not self._login:
            return None
        if draw < 0.5:
            return 0
        return self._rng.randint(1, looks - 1) if draw < 0.75 else looks

    def _order(self, cart: list[Product]) -> Iterator[tuple[Micros, Call]]:
        rng = self._rng
        order = f"order-{rng.getrandbits(40):010x}"
        total = sum(product.cents for product in cart) / 100
        common = {"order_id": order, "total": total, "revenue": total, "currency": "EUR"}
        lines = [product.line() | {"quantity": 1} for product in cart]
        yield self._track("Checkout Started", common | {"products": lines})
        yield self._track("Order Completed", common | {"products": lines})
        if self._user is not None and rng.random() < 0.5:
            yield self._server("Order Completed", common | {"products": lines}, after_s=2)
        draw = rng.random()
        if self._user is not None and draw < 0.05:
            yield self._server("Order Refunded", {"order_id": order}, after_s=86_400)
        elif self._user is not None and draw < 0.08:
            yield self._server("Order Cancelled", common, after_s=3_600)

    # ── calls ──────────────────────────────────────────────────────────────────────────────────

    def _identify(self) -> tuple[Micros, Call]:
        person = self._person
        self._user = person.user
        traits: dict[str, Any] = {"plan": "member", "language": person.language}
        if person.tells_email:
            traits["email"] = person.email
        if person.phone is not None:
            traits["phone"] = person.phone
        return self._call("identify", traits=traits)

    def _track(self, event: str, properties: dict[str, Any]) -> tuple[Micros, Call]:
        return self._call("track", event=event, properties=properties)

    def _server(
        self, event: str, properties: dict[str, Any], *, after_s: int
    ) -> tuple[Micros, Call]:
        """What the shop's own server says: it knows the user and no device."""
        at = self._at + after_s * SECOND
        call = {
            "type": "track", "event": event, "properties": properties, "userId": self._user,
            "messageId": self._id(), "timestamp": to_iso(at), "channel": "server",
            "context": {"library": {"name": "analytics-python", "version": "2.3.3"}},
        }  # fmt: skip
        return at, call

    def _call(self, kind: str, **fields: Any) -> tuple[Micros, Call]:
        self._at += int(self._rng.uniform(4, 150) * SECOND)
        call = {
            "type": kind,
            "messageId": self._id(),
            "anonymousId": self._device.anonymous,
            "userId": self._user,
            "timestamp": to_iso(self._at),
            "context": self._context,
            **fields,
        }
        return self._at, call

    def _id(self) -> str:
        return f"{self._rng.getrandbits(96):024x}"

    def _make_context(self) -> dict[str, Any]:
        rng, device = self._rng, self._device
        context: dict[str, Any] = {
            "library": {"name": "analytics.js", "version": "2.1.0"},
            "userAgent": device.agent,
            "locale": device.locale,
            "timezone": "Europe/Berlin",
            "ip": device.ip,
            "page": {"url": "https://shop.example/", "title": "Shop"},
        }
        if device.kind in SCREENS:
            width, height = SCREENS[device.kind]
            context["screen"] = {"width": width, "height": height}
        if device.install is not None:
            context["device"] = {"id": device.install, "type": "mobile"}
        if rng.random() < 0.15:
            context["campaign"] = {
                "name": rng.choice(CAMPAIGNS),
                "source": "mail",
                "medium": "email",
            }
        elif rng.random() < 0.3:
            context["page"]["referrer"] = "https://search.example/"
        if rng.random() < 0.2:
            chosen = {"analytics": True, "advertising": rng.random() < 0.5}
            context["consent"] = {"categoryPreferences": chosen}
        return context
