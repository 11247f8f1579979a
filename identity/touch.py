"""Where an event says its person came from: a campaign, or a page on another site."""

from __future__ import annotations

from typing import Any

from graph_schema.model.event import Event
from graph_schema.model.tally import TouchFact

_LONGEST = 2048


def touch_of(event: Event) -> TouchFact | None:
    """None where the event states neither a campaign nor a referrer on another site."""
    context = event.context
    campaign, referrer = context.get("campaign"), _referrer(context)
    source = medium = name = None
    if isinstance(campaign, dict):
        source, medium = _text(campaign.get("source")), _text(campaign.get("medium"))
        name = _text(campaign.get("name"))
    if source is None and medium is None and name is None and referrer is None:
        return None
    return TouchFact(event.at, event.message_id, source, medium, name, referrer)


def _referrer(context: dict[str, Any]) -> str | None:
    """`context.page.referrer`, else `context.referrer`, where it lies on another site than the page.
    Hosts of which one is a subdomain of the other are one site."""
    page, stated = context.get("page"), context.get("referrer")
    here, address = "", None
    if isinstance(page, dict):
        here, address = host_of(page.get("url")), _text(page.get("referrer"))
    if address is None:
        address = _text(stated.get("url") if isinstance(stated, dict) else stated)
    if address is None:
        return None
    there = host_of(address)
    return address if there and not _one_site(here, there) else None


def host_of(url: Any) -> str:
    """The host of an absolute address, in lower case without `www.`; "" where there is none."""
    if not isinstance(url, str):
        return ""
    _, _, rest = url.partition("://")
    for end in "/?#\\":
        rest = rest.partition(end)[0]
    host = rest.rpartition("@")[2].lower()
    if not host.startswith("["):
        host = host.partition(":")[0]
    return host.removeprefix("www.")


def _one_site(here: str, there: str) -> bool:
    return bool(here) and (
        here == there or here.endswith(f".{there}") or there.endswith(f".{here}")
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST else None
