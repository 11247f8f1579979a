"""Segments, their versions, and who is in them."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from graph_schema.model.time import Micros


class SegmentStatus(StrEnum):
    BUILDING = "building"
    ACTIVE = "active"
    ARCHIVED = "archived"


class SegmentVersion(msgspec.Struct, frozen=True):
    """`rule` in the shape of the input `SegmentRule`."""

    version: int
    rule: dict[str, Any]
    rec: Micros
    by: str | None = None


class Segment(msgspec.Struct, frozen=True):
    """The newest version of a segment. `walked` is the id of the last profile the back-fill took."""

    key: str
    name: str
    status: SegmentStatus
    version: int
    rule: dict[str, Any]
    created_at: Micros
    updated_at: Micros
    description: str | None = None
    created_by: str | None = None
    walked: str | None = None


class MembershipCause(StrEnum):
    EVENT = "event"
    TIME = "time"
    IDENTITY = "identity"
    BACKFILL = "backfill"
    RULE = "rule"
    ERASURE = "erasure"


class Membership(msgspec.Struct, frozen=True):
    """An open membership: `since` is when it was recorded."""

    profile_id: str
    segment: str
    version: int
    since: Micros
    cause: MembershipCause
