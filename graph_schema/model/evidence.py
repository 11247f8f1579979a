"""Evidence: what says that two identifiers are, or are not, one person's."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

import msgspec

from graph_schema.model.identifier import Key
from graph_schema.model.time import Micros


class EvidenceKind(StrEnum):
    """Strongest first (identity.md, "Terms"). Only `SUGGESTED` never joins by itself."""

    CONFIRMED = "confirmed"
    LOGIN = "login"
    ALIAS = "alias"
    EQUIVALENT = "equivalent"
    SUGGESTED = "suggested"
    CANNOT_LINK = "cannot_link"


class EvidenceStatus(StrEnum):
    JOINED = "joined"
    REDUNDANT = "redundant"
    REFUSED = "refused"
    PENDING = "pending"


class RefusalRule(StrEnum):
    BLOCKED = "blocked"
    BURNED = "burned"
    SHARED = "shared"
    DOMINANCE = "dominance"
    LIMIT = "limit"
    SIZE = "size"
    CANNOT_LINK = "cannot_link"


EdgeKey: TypeAlias = tuple[Key, Key, EvidenceKind]
"""(a, b, kind) with a < b as text."""


class Seen(msgspec.Struct, frozen=True):
    """A fact: a and b (a < b) were seen together in this half-hour of event time, first at
    (`at`, `mid`). Appended where the pair is new in that half-hour, or was seen earlier in it."""

    a: Key
    b: Key
    kind: EvidenceKind
    half_hour: int
    at: Micros
    mid: str
    rec: Micros = 0


class Waiting(msgspec.Struct, frozen=True):
    """Evidence between a and b that was taken in and not resolved yet, since that takes more of the
    graph than may be read while other events wait. a = b: an identifier that was but sighted. `mid` is
    the event that said so last, `rec` when it was recorded."""

    a: Key
    b: Key
    mid: str
    rec: Micros


class Edge(msgspec.Struct, frozen=True):
    """The cache of the `seen` facts of one pair and kind: `count` distinct half-hours, least and
    greatest event time, and what the rule made of it."""

    a: Key
    b: Key
    kind: EvidenceKind
    count: int
    first_at: Micros
    last_at: Micros
    status: EvidenceStatus = EvidenceStatus.PENDING
    refused_by: RefusalRule | None = None

    @property
    def key(self) -> EdgeKey:
        return self.a, self.b, self.kind


class DecisionKind(StrEnum):
    CONFIRMED = "confirmed"
    CANNOT_LINK = "cannot_link"


class Decision(msgspec.Struct, frozen=True):
    """A person's word on two sets of identifiers, or, with `undoes`, the withdrawal of one.
    `undoes_change`: the change, made by evidence, that this cannot_link takes back."""

    id: str
    kind: DecisionKind
    left: tuple[Key, ...]
    right: tuple[Key, ...]
    actor: str
    at: Micros
    note: str | None = None
    undoes: str | None = None
    rec: Micros = 0
    undoes_change: str | None = None
