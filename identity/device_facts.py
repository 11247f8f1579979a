"""What an event's context says about the device that sent it."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Any

from ua_parser import parse as parse_user_agent

from graph_schema.model.event import Event
from graph_schema.model.session import DeviceFacts

_LONGEST = 64
_NOTHING = DeviceFacts()


def facts_of(event: Event) -> DeviceFacts:
    """The facts that the event states; what is absent or of a wrong type is None."""
    context = event.context
    if not context:
        return _NOTHING
    agent = _text(context.get("userAgent"), 1024)
    family, system, kind = _of_user_agent(agent) if agent else (None, None, None)
    operating_system = _text(_in(context, "os", "name")) or system
    return DeviceFacts(
        kind=_text(_in(context, "device", "type")) or kind,
        user_agent_family=family,
        os=operating_system,
        locale=_text(context.get("locale")),
        timezone=_text(context.get("timezone")),
        screen=_screen(context.get("screen")),
        country=_text(_in(context, "location", "country")),
        ip_prefix=_ip_prefix(context.get("ip")),
    )


def merge(first: DeviceFacts, later: DeviceFacts) -> DeviceFacts:
    """Field by field what the earlier event states, else the later one. A session folds its events in
    the order of (at, mid), so the result does not depend on their arrival."""
    if later is _NOTHING or later == first:
        return first
    return DeviceFacts(
        *(
            getattr(first, name) if getattr(first, name) is not None else getattr(later, name)
            for name in DeviceFacts.__struct_fields__
        )
    )


@lru_cache(maxsize=4096)
def _of_user_agent(agent: str) -> tuple[str | None, str | None, str | None]:
    """(browser family, operating system, kind). Parsing one takes a millisecond: hence the cache."""
    parsed = parse_user_agent(agent)
    family = parsed.user_agent.family if parsed.user_agent else None
    system = parsed.os.family if parsed.os else None
    device = parsed.device.family if parsed.device else None
    if device == "Spider":
        return family, system, "bot"
    if device and any(word in device for word in ("iPad", "Tablet", "Kindle")):
        return family, system, "tablet"
    if system in ("iOS", "Android"):
        return (
            family,
            system,
            "tablet" if system == "Android" and "Mobile" not in agent else "mobile",
        )
    if system in ("Windows", "Mac OS X", "Linux", "Ubuntu", "Chrome OS"):
        return family, system, "desktop"
    return family, system, None


@lru_cache(maxsize=4096)
def _prefix(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.version == 4:
        return str(ipaddress.IPv4Network((int(address), 24), strict=False))
    return str(ipaddress.IPv6Network((int(address), 48), strict=False))


def _ip_prefix(value: Any) -> str | None:
    return _prefix(value) if isinstance(value, str) and len(value) <= _LONGEST else None


def _screen(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    width, height = value.get("width"), value.get("height")
    if type(width) in (int, float) and type(height) in (int, float):
        return f"{width:.0f}x{height:.0f}"
    return None


def _in(context: dict[str, Any], name: str, field: str) -> Any:
    inner = context.get(name)
    return inner.get(field) if isinstance(inner, dict) else None


def _text(value: Any, longest: int = _LONGEST) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= longest else None
