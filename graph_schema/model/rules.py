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


class Form(StrEnum):
    """Ways to write a value such that all its spellings become one."""

    EMAIL = "email"
    PHONE = "phone"
    CASE = "case"


class Equivalent(msgspec.Struct, frozen=True):
    """Values of a namespace that have the same canonical form are spellings of one.

    EMAIL: without what follows a + in the local part where `plus_tags`, without its dots at the domains
    `dotless`, under the other name of the domain where `domains` has it. PHONE: E.164, a number without
    country code read as one of `region` (ISO 3166, "DE"), none where that is empty. CASE: case-folded.
    """

    form: Form
    plus_tags: bool = True
    dotless: tuple[str, ...] = ()
    domains: tuple[tuple[str, str], ...] = ()
    region: str = ""


class Namespace(msgspec.Struct, frozen=True):
    """Lower `rank` is stronger. `limit`: how many of it one profile may hold by evidence alone.
    `scoped`: a value means something only together with the source that sent it. `equivalent`: which of
    its values are spellings of one; None: only equal ones."""

    name: str
    rank: int
    role: Role
    limit: int
    scoped: bool = False
    pii: bool = False
    case_insensitive: bool = False
    equivalent: Equivalent | None = None

    @property
    def is_canonical(self) -> bool:
        """Whether its values are canonical forms: no client names them, a rule does."""
        return is_canonical(self.name)

    @property
    def canonical(self) -> Namespace:
        """The namespace of the canonical forms of its values. They are nobody's anchor, and what they
        hold together is limited by what they are forms of."""
        return Namespace(
            self.name + CANONICAL, LAST_RANK, Role.OTHER, UNLIMITED, self.scoped, self.pii
        )


CANONICAL = "~canonical"
"""Ends the names of namespaces of canonical forms. No client can send a name with such a character."""
LAST_RANK = 1_000_001
UNLIMITED = 1_000_000_000


def is_canonical(namespace: str) -> bool:
    """Whether that is a namespace of canonical forms."""
    return namespace.endswith(CANONICAL)


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

    @property
    def personal(self) -> frozenset[str]:
        """The namespaces whose values are not for everybody."""
        named = [namespace for namespace in self.namespaces if namespace.pii]
        return frozenset(space.name for n in named for space in (n, n.canonical))

    def namespace(self, name: str) -> Namespace:
        """The declared namespace of that name, or the defaults of an undeclared external id."""
        for namespace in self.namespaces:
            if namespace.name == name:
                return namespace
        if is_canonical(name):
            return self.namespace(name.removesuffix(CANONICAL)).canonical
        return Namespace(name, self.other_rank, Role.OTHER, self.other_limit)


class RulesVersion(msgspec.Struct, frozen=True):
    """Rules that a command put in force at `rec`; those before the first such are version 1.

    `change` is the id of the command and of its change; `undoes` that of the change of rules which it
    takes back. `walked`: how far the profiles are resolved anew by these rules, as the last key that the
    walk came past; None: all are, or a later version has taken its place.
    """

    version: int
    rules: IdentityRules
    rec: Micros
    actor: str
    change: str
    note: str | None = None
    undoes: str | None = None
    walked: str | None = None
