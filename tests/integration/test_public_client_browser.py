"""The unmodified browser client in Chromium against `cdp serve`: from another origin, as a device
whose clock is three hours fast, over three pages of a shop (tests/clients/*.html)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from asking import Person, person, seconds
from browser import chromium, site
from serving import Server, served
from system_tools import CLIENTS, client_packages

CLOCK_FAST_S = 3 * 3600


@dataclass(frozen=True)
class Visit:
    """What the pages told, and when it began by the true clock."""

    server: Server
    origin: str
    shop: dict[str, Any]
    cart: dict[str, Any]
    leave: dict[str, Any]
    began: float

    def person(self) -> Person:
        return person(self.server, "browser-user", 8)


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    folder = tmp_path_factory.mktemp("browser")
    bundle = client_packages() / "@segment" / "analytics-next" / "dist" / "umd"
    profile = folder / "profile"
    profile.mkdir()
    began = time.time()
    with served(folder / "data") as server:
        config = {
            "address": server.address,
            "writeKey": server.write_key,
            "clockFastMs": CLOCK_FAST_S * 1000,
        }
        texts = {"/config.js": f"window.CDP = {json.dumps(config)};"}
        with (
            site({"/analytics-next/umd/": bundle, "/": CLIENTS}, texts) as shop,
            chromium(f"{shop.address}/shop.html", profile),
        ):
            pages = [shop.next_told() for _ in range(3)]
            yield Visit(server, shop.address, *pages, began)


def test_what_the_pages_sent_is_there_once_and_in_order(visit: Visit) -> None:
    found = visit.person()
    sent = visit.shop["events"] + visit.cart["events"]
    assert found.all("messageId") == [event["messageId"] for event in sent]
    assert found.all("type") == [event["type"].upper() for event in sent]
    assert found.all("name") == [
        "page", "Product Viewed", "identify", "Order Completed", "group", "alias",
        "page", "Cart Viewed",
    ]  # fmt: skip
    properties = found.all("properties")
    assert properties[0] == {
        "category": "Shop", "name": "Home", "teaser": "tea", "title": "The shop",
        "path": "/shop.html", "url": f"{visit.origin}/shop.html", "referrer": "", "search": "",
    }  # fmt: skip
    assert properties[1] == {"product_id": "p1", "price": 19.95}
    assert properties[7] == {"cart_id": "c-1", "products": [{"product_id": "p1"}]}
    assert found.events[3]["items"] == [{"item": {"id": "p1"}, "quantity": "2"}]
    assert found.counters["revenue"] == [{"amount": "39.9", "currency": "EUR"}]


def test_a_login_joins_the_device_and_an_alias_after_it_changes_nothing(visit: Visit) -> None:
    device = visit.shop["anonymousId"]
    found = visit.person()
    assert found.identifiers == {
        ("anonymous_id", device),
        ("user_id", "browser-user"),
        ("email", "anna@example.org"),
    }
    assert found.traits == {"plan": "pro", "email": "anna@example.org"}
    # The next page knew both from the browser's storage.
    assert (visit.cart["anonymousId"], visit.cart["userId"]) == (device, "browser-user")


def test_the_time_is_the_servers_though_the_device_is_hours_fast(visit: Visit) -> None:
    found = visit.person()
    for event, sent in zip(found.events, visit.shop["events"] + visit.cart["events"], strict=True):
        # What the device said, by the right clock, and at most the time on the way later.
        said = seconds(sent["timestamp"]) - CLOCK_FAST_S
        assert said - 0.002 <= seconds(event["at"]) <= seconds(event["receivedAt"])
        assert visit.began <= said <= seconds(event["receivedAt"]) <= time.time()
    at = found.all("at")
    assert at == sorted(at)


def test_the_context_is_the_devices(visit: Visit) -> None:
    found = visit.person()
    for context in found.all("context"):
        assert context["library"] == {"name": "analytics.js", "version": "next-1.84.3"}
        assert context["ip"] == "127.0.0.1"
        assert "Chrome/" in context["userAgent"]
        assert context["page"]["url"].startswith(visit.origin)
    assert [session["eventCount"] for session in found.sessions] == [8]
    assert "Chrome" in found.sessions[0]["device"]["userAgentFamily"]
    assert found.sessions[0]["device"]["locale"] == found.events[0]["context"]["locale"]


def test_after_a_logout_the_device_is_another_persons(visit: Visit) -> None:
    assert visit.leave["anonymousId"] != visit.shop["anonymousId"]
    found = person(visit.server, "browser-user-3", 2)
    assert found.identifiers == {
        ("anonymous_id", visit.leave["anonymousId"]),
        ("user_id", "browser-user-3"),
    }
    assert found.traits == {"plan": "free"}
    assert found.all("name") == ["identify", "Product Shared"]
    assert found.all("messageId")[1] == visit.leave["events"][0]["messageId"]
    assert found.events[1]["context"]["page"]["referrer"] == f"{visit.origin}/cart.html"
