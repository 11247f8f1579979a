"""What an event's context says about the device that sent it.

A session has of each fact the first statement by (at, mid). `merge` is not commutative: whoever folds
a session takes its events in that order. Events that come in order do so by themselves, and a late one
has its whole visit folded anew (identity.sessions), so a session's facts do not depend on arrival.

Reads any JSON without raising: what is absent, of a wrong type or too long is None.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Any, Final

from ua_parser import parse as parse_user_agent

from graph_schema.model.event import Event
from graph_schema.model.session import DeviceFacts

DESKTOP: Final = "desktop"
MOBILE: Final = "mobile"
TABLET: Final = "tablet"
BOT: Final = "bot"
SERVER: Final = "server"

_NOTHING = DeviceFacts()
_FACTS = DeviceFacts.__struct_fields__
_LONGEST = 64
_LONGEST_AGENT = 512
_REMEMBERED = 8192
_KINDS_OF_TYPE = {
    "desktop": DESKTOP, "mobile": MOBILE, "phone": MOBILE, "smartphone": MOBILE,
    "ios": MOBILE, "android": MOBILE, "tablet": TABLET, "bot": BOT, "server": SERVER,
}  # fmt: skip
"""`context.device.type`: mobile libraries write their system there."""
_DESKTOP_SYSTEMS = re.compile(r"Windows NT|Macintosh|X11;")
_SERVER_WORDS = frozenset(
    {"python", "node", "ruby", "go", "java", "php", "net", "rust", "elixir", "clojure"}
)
_MOBILE_WORDS = frozenset({"ios", "android", "kotlin", "swift", "flutter", "native"})
_WORD = re.compile(r"[a-z]+")


def facts_of(event: Event) -> DeviceFacts:
    """The facts that the event states."""
    context = event.context
    if not context:
        return _NOTHING
    hints = context.get("userAgentData")
    family, system, agent_kind = _of_user_agent(_agent(context))
    return DeviceFacts(
        _kind(context, agent_kind, hints),
        family,
        _text(_in(context.get("os"), "name")) or system or _text(_in(hints, "platform")),
        _text(context.get("locale")),
        _text(context.get("timezone")),
        _screen(context.get("screen")),
        _text(_in(context.get("location"), "country")),
        _ip_prefix(context.get("ip")),
    )


def agree(facts: DeviceFacts, said: DeviceFacts) -> bool:
    """Whether neither states what the other states otherwise: then their order does not matter."""
    pairs = ((getattr(facts, name), getattr(said, name)) for name in _FACTS)
    return all(one is None or other is None or one == other for one, other in pairs)


def merge(first: DeviceFacts, later: DeviceFacts) -> DeviceFacts:
    """Field by field what the earlier event states, else the later one."""
    if later == first or later is _NOTHING:
        return first
    pairs = ((getattr(first, name), getattr(later, name)) for name in _FACTS)
    return DeviceFacts(*(other if one is None else one for one, other in pairs))


# ── what kind of device ────────────────────────────────────────────────────────────────────────


def _kind(context: dict[str, Any], agent_kind: str | None, hints: Any) -> str | None:
    """A crawler by its user agent; else what the client says its device is; else by the user agent,
    the client hints, and at last the library, which tells servers and apps."""
    if agent_kind == BOT:
        return BOT
    return (
        _stated_kind(context.get("device"))
        or agent_kind
        or _hinted_kind(hints)
        or _kind_of_library(_text(_in(context.get("library"), "name")))
    )


def _stated_kind(device: Any) -> str | None:
    stated = _text(_in(device, "type"))
    if stated is None:
        return None
    kind = _KINDS_OF_TYPE.get(stated.lower())
    model = _text(_in(device, "model"))
    return TABLET if kind == MOBILE and model and model.startswith("iPad") else kind


def _hinted_kind(hints: Any) -> str | None:
    """`userAgentData` (User-Agent Client Hints): Android tablets say that they are not mobile."""
    mobile = _in(hints, "mobile")
    if not isinstance(mobile, bool):
        return None
    if mobile:
        return MOBILE
    return TABLET if _in(hints, "platform") == "Android" else DESKTOP


@lru_cache(maxsize=_REMEMBERED)
def _kind_of_library(name: str | None) -> str | None:
    words = set(_WORD.findall(name.lower())) if name else set()
    if words & _MOBILE_WORDS:
        return MOBILE
    return SERVER if words & _SERVER_WORDS else None


# ── the user agent ─────────────────────────────────────────────────────────────────────────────


def _agent(context: dict[str, Any]) -> str:
    agent = context.get("userAgent")
    return agent[:_LONGEST_AGENT] if isinstance(agent, str) else ""


@lru_cache(maxsize=_REMEMBERED)
def _of_user_agent(agent: str) -> tuple[str | None, str | None, str | None]:
    """(browser family, operating system, kind). To parse one takes about a millisecond, a thousand
    times longer than the rest of an event's facts: hence the cache and the limit of its length."""
    if not agent:
        return None, None, None
    parsed = parse_user_agent(agent)
    family = parsed.user_agent.family if parsed.user_agent else None
    system = parsed.os.family if parsed.os else None
    device = parsed.device.family if parsed.device else ""
    brand = (parsed.device.brand or "") if parsed.device else ""
    return family, system, _kind_of_agent(agent, family or "", system or "", f"{device} {brand}")


def _kind_of_agent(agent: str, family: str, system: str, device: str) -> str | None:
    if "Spider" in device or family.startswith("Headless"):
        return BOT
    if any(word in device for word in ("iPad", "Tablet", "Kindle")):
        return TABLET
    if "Mobi" in agent or system in ("iOS", "Windows Phone"):
        return MOBILE
    if system == "Android":
        return TABLET  # phones say "Mobile", which Chrome and Firefox leave out on tablets
    return DESKTOP if _DESKTOP_SYSTEMS.search(agent) else None


# ── addresses, screens, texts ──────────────────────────────────────────────────────────────────


def _ip_prefix(value: Any) -> str | None:
    return _prefix(value) if isinstance(value, str) and len(value) <= _LONGEST else None


@lru_cache(maxsize=_REMEMBERED)
def _prefix(text: str) -> str | None:
    """The /24 of an IPv4 address, the /48 of an IPv6 one."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((int(address), 48), strict=False))
        address = address.ipv4_mapped
    return str(ipaddress.IPv4Network((int(address), 24), strict=False))


def _screen(value: Any) -> str | None:
    """Width and height: 1920x1080."""
    width, height = _in(value, "width"), _in(value, "height")
    if _is_length(width) and _is_length(height):
        return f"{width:.0f}x{height:.0f}"
    return None


def _is_length(value: Any) -> bool:
    return type(value) in (int, float) and 1 <= value <= 100_000


def _in(value: Any, field: str) -> Any:
    return value.get(field) if isinstance(value, dict) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST else None
