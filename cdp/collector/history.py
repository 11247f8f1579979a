"""Events of the past, from files: the same fields, another rule for their time."""

from __future__ import annotations

from typing import Any

import msgspec

from cdp.collector import fields
from cdp.collector.clock_skew import parsed
from cdp.collector.errors import BadEvent
from cdp.collector.limits import Limits
from graph_schema.model.event import Event
from graph_schema.model.time import Micros

_LIMITS = Limits()


def event_of_history(
    raw: dict[str, Any],
    *,
    source: str,
    received_at: Micros,
    fallback_message_id: str,
    limits: Limits = _LIMITS,
) -> Event:
    """The event that a row states. Its `timestamp` is taken as given, without the rule of clock skew;
    without one it is `received_at`. `fallback_message_id` where the row has no messageId. `raw` is
    left as it is. Raises BadEvent."""
    text = _as_json(raw)
    if len(text) > limits.event_bytes:
        raise BadEvent("event_too_large", f"It has more than {limits.event_bytes} bytes.")
    item = fields.read_item(text, limits.nesting)
    return fields.event_of(
        item,
        kind=fields.type_of(item),
        message_id=fields.message_id_of(item) or fallback_message_id,
        source=source,
        at=_at(item, received_at),
        received_at=received_at,
    )


def _at(item: fields.Item, received_at: Micros) -> Micros:
    text = fields.client_time(item)
    if text is None:
        return received_at
    at = parsed(text)
    if at is None:
        raise fields.bad_timestamp()
    return at


def _as_json(raw: dict[str, Any]) -> bytes:
    """What a row holds, in JSON's values: so that live and history cannot differ in what they take."""
    try:
        return msgspec.json.encode(raw)
    except RecursionError:
        raise BadEvent("too_deep", "It is nested too deep.") from None
    except (msgspec.MsgspecError, ValueError, TypeError):
        raise BadEvent("bad_json", "It holds what JSON cannot say.") from None
