"""The fields of one call, checked: from an item of a batch to an Event. Live and history share it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

from cdp.collector.errors import BadEvent
from cdp.collector.surrogates import REPLACEMENT
from graph_schema.model.event import Event, EventType
from graph_schema.model.time import Micros

LONGEST_MESSAGE_ID = 100
_EXACT = 2**53  # a float beyond it no longer says which whole number was meant

Id: TypeAlias = str | int | float | None
Object: TypeAlias = dict[str, Any] | None


class Item(msgspec.Struct, rename="camel"):
    """One call as clients write it; null is absent. What is not named here is not kept."""

    type: str | None = None
    message_id: Id = None
    anonymous_id: Id = None
    user_id: Id = None
    previous_id: Id = None
    group_id: Id = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    channel: Any = None
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None
    context: Object = None
    properties: Object = None
    traits: Object = None


_decode = msgspec.json.Decoder(Item).decode
_TYPES = {kind.value: kind for kind in EventType}
_SERVER = re.compile(
    r"(^|[^a-z])(python|node|ruby|php|java|go|golang|net|csharp|c#|elixir|rust|clojure)([^a-z]|$)"
)


def read_item(text: bytes, nesting: int) -> Item:
    """Raises BadEvent."""
    try:
        item = _decode(text)
    except msgspec.ValidationError as error:
        # msgspec names the field and the types, never the value.
        raise BadEvent("bad_field", f"{error}.") from None
    except RecursionError:
        raise _too_deep(nesting) from None
    except (msgspec.DecodeError, ValueError):
        raise BadEvent("bad_json", "It is no JSON in UTF-8.") from None
    if not flat_enough(text, [item.context, item.properties, item.traits], nesting):
        raise _too_deep(nesting)
    return item


def flat_enough(text: bytes, values: list[Any], nesting: int) -> bool:
    """Whether values read from a text are nested at most `nesting` levels deep."""
    # Fewer brackets than levels allowed cannot be nested too deep: nearly always, nothing is walked.
    if text.count(b"{") + text.count(b"[") <= nesting:
        return True
    level = _containers(values)
    for _ in range(nesting):
        if not level:
            return True
        level = _containers(
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value)
        )
    return not level


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list)]


def type_of(item: Item) -> EventType:
    """Raises BadEvent."""
    kind = _TYPES.get(item.type or "")
    if kind is None:
        names = ", ".join(_TYPES)
        raise BadEvent("unknown_type", f"Its type is none of: {names}.")
    return kind


def message_id_of(item: Item) -> str | None:
    """None where the client gave none, or an empty one. Raises BadEvent."""
    message_id = _identifier(item.message_id, "messageId")
    if message_id is not None and len(message_id) > LONGEST_MESSAGE_ID:
        raise BadEvent(
            "message_id_too_long", f"Its messageId has more than {LONGEST_MESSAGE_ID} characters."
        )
    return message_id or None


def event_of(
    item: Item,
    *,
    kind: EventType,
    message_id: str,
    source: str,
    at: Micros,
    received_at: Micros,
) -> Event:
    """The event that an item states. Takes the item's dicts over. Raises BadEvent."""
    anonymous_id = _identifier(item.anonymous_id, "anonymousId")
    user_id = _identifier(item.user_id, "userId")
    if anonymous_id is None and user_id is None:
        raise BadEvent("no_identifier", "It has neither a userId nor an anonymousId.")
    context = item.context or {}
    in_context = context.pop("traits", None)
    return Event(
        message_id=message_id,
        type=kind,
        name=_name(item, kind),
        at=at,
        received_at=received_at,
        source=source,
        anonymous_id=anonymous_id,
        user_id=user_id,
        previous_id=_previous_id(item) if kind is EventType.ALIAS else None,
        group_id=_group_id(item) if kind is EventType.GROUP else None,
        traits=_traits(item, kind, in_context),
        properties=_properties(item, kind),
        context=context,
        original_timestamp=client_time(item),
    )


def client_time(item: Item) -> str | None:
    """What the client says when it happened, in its words; raises BadEvent where that is no text."""
    text = item.timestamp if item.timestamp is not None else item.original_timestamp
    if text is None or isinstance(text, str):
        return text
    raise bad_timestamp()


def bad_timestamp() -> BadEvent:
    return BadEvent("bad_timestamp", "Its timestamp is no time in ISO 8601.")


def from_a_server(item: Item) -> bool:
    """Whether a server sent it for its users: the address that it came from is not theirs."""
    if item.channel == "server":
        return True
    library = (item.context or {}).get("library")
    name = library.get("name") if isinstance(library, dict) else None
    return isinstance(name, str) and _server_library(name[:64])


@lru_cache(maxsize=256)
def _server_library(name: str) -> bool:
    return _SERVER.search(name.lower()) is not None


def _name(item: Item, kind: EventType) -> str:
    if kind is not EventType.TRACK:
        return kind.value
    if item.event is None or not item.event.strip():
        raise BadEvent("no_event_name", "It is a track call without the name of an event.")
    if "\x00" in item.event:
        raise BadEvent("bad_field", "Its event has a NUL character.")
    return item.event


def _traits(item: Item, kind: EventType, in_context: object) -> dict[str, Any]:
    if kind is EventType.GROUP:
        return item.traits or {}
    if kind is not EventType.IDENTIFY:
        return {}
    if item.traits is not None:
        return item.traits
    return in_context if isinstance(in_context, dict) else {}


def _properties(item: Item, kind: EventType) -> dict[str, Any]:
    properties = item.properties or {}
    if kind in (EventType.PAGE, EventType.SCREEN):
        if item.name is not None:
            properties["name"] = item.name
        if item.category is not None:
            properties["category"] = item.category
    return properties


def _previous_id(item: Item) -> str:
    previous = _identifier(item.previous_id, "previousId")
    if previous is None:
        raise BadEvent("no_previous_id", "It is an alias call without a previousId.")
    return previous


def _group_id(item: Item) -> str:
    group = _identifier(item.group_id, "groupId")
    if group is None:
        raise BadEvent("no_group_id", "It is a group call without a groupId.")
    return group


def _identifier(value: Id, field: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        return _decimal(value, field)
    # U+FFFD stands where a text was damaged: what is left would name many.
    if "\x00" in value or REPLACEMENT in value:
        raise BadEvent("bad_field", f"Its {field} has a NUL or a damaged character.")
    return value


def _decimal(value: float, field: str) -> str:
    if isinstance(value, int):
        return str(value)
    if abs(value) > _EXACT:
        raise BadEvent("bad_field", f"Its {field} is no exact number: send it as text.")
    return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")


def _too_deep(nesting: int) -> BadEvent:
    return BadEvent("too_deep", f"It is nested more than {nesting} levels deep.")
