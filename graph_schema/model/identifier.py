"""Identifiers: the names under which people, and their devices, are seen."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import TypeAlias

import msgspec

from graph_schema.model.rules import is_canonical
from graph_schema.model.time import Micros

Key: TypeAlias = str
"""`namespace:value`, or `namespace@source:value` where the namespace is scoped to its source."""


class IdentifierStatus(StrEnum):
    ACTIVE = "active"
    SHARED = "shared"
    BLOCKED = "blocked"
    BURNED = "burned"


class Identifier(msgspec.Struct, frozen=True):
    """An identifier as the graph keeps it. `id` is the id of the profile that it anchors, or would
    anchor; `profile` the id of the one that holds it now, None for a blocked value. `generation`
    grows with each erasure. `resolved_by`: the version of the rules by which its profile was resolved;
    0 where that is to be done again."""

    key: Key
    id: str
    namespace: str
    value: str
    rank: int
    first_at: Micros
    last_at: Micros
    profile: str | None
    status: IdentifierStatus = IdentifierStatus.ACTIVE
    generation: int = 0
    resolved_by: int = 1


def seen_between(identifiers: Collection[Identifier]) -> tuple[Micros, Micros]:
    """When those that were named were seen first and last. A canonical form is seen with its spellings,
    and they may be others': it counts where there is nothing else."""
    named = [i for i in identifiers if not is_canonical(i.namespace)] or identifiers
    return min(i.first_at for i in named), max(i.last_at for i in named)


def key_of(namespace: str, value: str, source: str = "") -> Key:
    """The key of a normalised value; `source` only where the namespace is scoped to it."""
    return f"{namespace}@{source}:{value}" if source else f"{namespace}:{value}"


def parse_key(key: Key) -> tuple[str, str, str]:
    """(namespace, source, value) of a key; the source is empty where the namespace is not scoped."""
    scope, _, value = key.partition(":")
    namespace, _, source = scope.partition("@")
    return namespace, source, value
