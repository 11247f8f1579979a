"""An event: one call of a client, decoded and checked, as it lies in the log and in the graph."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from graph_schema.model.time import Micros


class EventType(StrEnum):
    IDENTIFY = "identify"
    TRACK = "track"
    PAGE = "page"
    SCREEN = "screen"
    GROUP = "group"
    ALIAS = "alias"


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a client said happened.

    `at` is corrected for the client's clock skew (collector.md, "Time"); `original_timestamp` is
    what the client wrote. `name` is the track event's name, else the type. `traits` are those that
    may change a profile (identify) or a group; `context` is as sent, without `traits`.
    """

    message_id: str
    type: EventType
    name: str
    at: Micros
    received_at: Micros
    source: str
    anonymous_id: str | None = None
    user_id: str | None = None
    previous_id: str | None = None
    group_id: str | None = None
    traits: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}
    original_timestamp: str | None = None
