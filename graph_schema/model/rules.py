"""The configuration of identity: namespaces, limits, blocked values, thresholds; with a version."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from graph_schema.model.time import HALF_HOUR, Micros


class Role(StrEnum):
    """What an identifier of a namespace stands for."""

    PERSON = "person"
    DEVICE = "device"
    OTHER = "other"


class Namespace(msgspec.Struct, frozen=True):
    """Lower `rank` is stronger. `limit`: how many of it one profile may hold by evidence alone.
    `scoped`: a value means something only together with the source that sent it."""

    name: str
    rank: int
    role: Role
    limit: int
    scoped: bool = False
    pii: bool = False
    case_insensitive: bool = False


DEFAULT_NAMESPACES = (
    Namespace("user_id", 0, Role.PERSON, 1),
    Namespace("email", 1, Role.PERSON, 5, pii=True, case_insensitive=True),
    Namespace("phone", 2, Role.PERSON, 5, pii=True),
    Namespace("device_id", 3, Role.DEVICE, 5),
    Namespace("anonymous_id", 4, Role.DEVICE, 100),
)

DEFAULT_BLOCKED = (
    "", "null", "none", "nil", "undefined", "nan", "anonymous", "guest", "unknown", "test",
    "true", "false", "-1", "[object object]",
)  # fmt: skip


class IdentityRules(msgspec.Struct, frozen=True):
    """identity.md, "The rule". Shares are fractions of 1; `session_gap` in microseconds."""

    version: int = 1
    namespaces: tuple[Namespace, ...] = DEFAULT_NAMESPACES
    blocked: tuple[str, ...] = DEFAULT_BLOCKED
    blocked_patterns: tuple[str, ...] = (r"[0\-]+",)
    other_rank: int = 5
    other_limit: int = 5
    size_cap: int = 500
    burned_above: int = 20
    dominant_from: float = 0.7
    dominant_until: float = 0.5
    session_gap: Micros = HALF_HOUR

    def namespace(self, name: str) -> Namespace:
        """The declared namespace of that name, or the defaults of an undeclared external id."""
        for namespace in self.namespaces:
            if namespace.name == name:
                return namespace
        return Namespace(name, self.other_rank, Role.OTHER, self.other_limit)
