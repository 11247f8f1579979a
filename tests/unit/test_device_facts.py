"""What a context says about a device."""

from __future__ import annotations

from typing import Any

import pytest

from graph_schema.model.event import Event, EventType
from graph_schema.model.session import DeviceFacts
from identity.device_facts import facts_of, merge

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)
IPAD = (
    "Mozilla/5.0 (iPad; CPU OS 16_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/16.5 Mobile/15E148 Safari/604.1"
)
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/126.0.0.0 Safari/537.36"
MAC = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Chrome/126.0.0.0 Safari/537.36"
FEDORA = "Mozilla/5.0 (X11; Fedora; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"
PIXEL = f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {WEBKIT} Chrome/126.0.0.0 Mobile Safari/537.36"
GALAXY_TAB = f"Mozilla/5.0 (Linux; Android 14; SM-X906B) {WEBKIT} Chrome/126.0.0.0 Safari/537.36"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
HEADLESS = f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/126.0.0.0 Safari/537.36"


def facts(**context: Any) -> DeviceFacts:
    return facts_of(Event("m", EventType.PAGE, "page", 0, 0, "web", context=context))


@pytest.mark.parametrize(
    ("agent", "family", "system", "kind"),
    [
        (IPHONE, "Mobile Safari", "iOS", "mobile"),
        (IPAD, "Mobile Safari", "iOS", "tablet"),
        (WINDOWS, "Chrome", "Windows", "desktop"),
        (MAC, "Chrome", "Mac OS X", "desktop"),
        (FEDORA, "Firefox", "Fedora", "desktop"),
        (PIXEL, "Chrome Mobile", "Android", "mobile"),
        (GALAXY_TAB, "Chrome", "Android", "tablet"),
        (GOOGLEBOT, "Googlebot", None, "bot"),
        (HEADLESS, "HeadlessChrome", "Linux", "bot"),
        ("something else", None, None, None),
        ("", None, None, None),
    ],
)
def test_user_agents(agent: str, family: str | None, system: str | None, kind: str | None) -> None:
    found = facts(userAgent=agent)
    assert (found.user_agent_family, found.os, found.kind) == (family, system, kind)


@pytest.mark.parametrize(
    ("context", "kind"),
    [
        ({"device": {"type": "ios"}}, "mobile"),
        ({"device": {"type": "ios", "model": "iPad13,4"}}, "tablet"),
        ({"device": {"type": "Desktop"}, "userAgent": PIXEL}, "desktop"),
        ({"device": {"type": "toaster"}, "userAgent": PIXEL}, "mobile"),
        ({"device": {"type": "desktop"}, "userAgent": GOOGLEBOT}, "bot"),
        ({"userAgentData": {"mobile": True}}, "mobile"),
        ({"userAgentData": {"mobile": False, "platform": "Android"}}, "tablet"),
        ({"userAgentData": {"mobile": False, "platform": "macOS"}}, "desktop"),
        ({"userAgentData": {"mobile": "yes"}}, None),
        ({"library": {"name": "analytics-python"}}, "server"),
        ({"library": {"name": "@segment/analytics-node"}}, "server"),
        ({"library": {"name": "analytics-node"}, "userAgent": WINDOWS}, "desktop"),
        ({"library": {"name": "analytics-kotlin"}}, "mobile"),
        ({"library": {"name": "analytics.js"}}, None),
        ({"library": {"name": "RudderLabs JavaScript SDK"}}, None),
        ({"library": "analytics-python"}, None),
    ],
)
def test_kinds(context: dict[str, Any], kind: str | None) -> None:
    assert facts(**context).kind == kind


def test_the_system_that_the_client_names_comes_first() -> None:
    assert facts(os={"name": "iPadOS"}, userAgent=IPAD).os == "iPadOS"
    assert facts(userAgentData={"platform": "Windows"}).os == "Windows"


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        (" 203.0.113.77 ", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("203.0.113.777", None),
        ("203.0.113.77, 10.0.0.1", None),
        ("unknown", None),
        ("", None),
        (3405803853, None),
        ("1" * 5000, None),
    ],
)
def test_an_address_is_kept_as_its_network(address: Any, prefix: str | None) -> None:
    assert facts(ip=address).ip_prefix == prefix


@pytest.mark.parametrize(
    ("screen", "text"),
    [
        ({"width": 1920, "height": 1080}, "1920x1080"),
        ({"width": 390.0, "height": 844.0, "density": 3}, "390x844"),
        ({"width": 0, "height": 0}, None),
        ({"width": 10**400, "height": 1}, None),
        ({"width": "1920", "height": "1080"}, None),
        ({"width": True, "height": True}, None),
        ({"width": 1920}, None),
        ("1920x1080", None),
    ],
)
def test_screens(screen: Any, text: str | None) -> None:
    assert facts(screen=screen).screen == text


def test_where_and_in_which_language() -> None:
    found = facts(locale="de-AT", timezone="Europe/Vienna", location={"country": "Austria"})
    assert found == DeviceFacts(locale="de-AT", timezone="Europe/Vienna", country="Austria")


def test_only_the_location_names_a_country() -> None:
    assert facts(country="Austria", traits={"address": {"country": "Austria"}}).country is None


def test_no_context_states_nothing() -> None:
    assert facts() == DeviceFacts()


def test_an_overlong_user_agent_is_cut_before_it_is_parsed() -> None:
    assert facts(userAgent=WINDOWS + " " * 600 + "Googlebot/2.1").kind == "desktop"


def test_of_each_fact_the_earlier_statement_holds() -> None:
    first = DeviceFacts(locale="de", os="iOS")
    later = DeviceFacts(locale="en", timezone="Europe/Vienna")
    assert merge(first, later) == DeviceFacts(locale="de", os="iOS", timezone="Europe/Vienna")


def test_merging_is_associative() -> None:
    a, b, c = DeviceFacts(locale="x"), DeviceFacts(locale="y", os="z"), DeviceFacts(os="w")
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
