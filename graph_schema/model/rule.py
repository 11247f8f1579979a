"""A segment's rule as a syntax tree: read in the stream, and later compiled to SQL and Cypher.

What each condition means stands in the schema's input types; durations are microseconds, ranges
include their ends, sums are int64 micros.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from graph_schema.model.time import Micros


class RuleOp(StrEnum):
    EQ = "EQ"
    NE = "NE"
    GT = "GT"
    GTE = "GTE"
    LT = "LT"
    LTE = "LTE"
    IN = "IN"
    CONTAINS = "CONTAINS"
    STARTS_WITH = "STARTS_WITH"
    EXISTS = "EXISTS"


class ValueType(StrEnum):
    TEXT = "TEXT"
    NUMBER = "NUMBER"
    BOOLEAN = "BOOLEAN"
    DATETIME = "DATETIME"


class Test(msgspec.Struct, frozen=True):
    """A comparison with the value found under a name: a trait's, or a path into an event's
    properties. `reading` None: as the JSON type of `value`. `back`: with DATETIME, a duration back
    from now in place of a value."""

    name: str
    op: RuleOp = RuleOp.EQ
    value: Any = None
    reading: ValueType | None = None
    back: Micros | None = None


class Window(msgspec.Struct, frozen=True):
    """Events with `at` in (now - within, now], and in [since, until)."""

    within: Micros | None = None
    since: Micros | None = None
    until: Micros | None = None


class Range(msgspec.Struct, frozen=True):
    gte: int | None = None
    lte: int | None = None

    def holds(self, value: int) -> bool:
        return (self.gte is None or value >= self.gte) and (self.lte is None or value <= self.lte)


class TraitCondition(msgspec.Struct, frozen=True):
    test: Test


class EventCondition(msgspec.Struct, frozen=True):
    name: str
    where: tuple[Test, ...] = ()
    count: Range = Range(gte=1)
    window: Window = Window()


class SumCondition(msgspec.Struct, frozen=True):
    event: str
    property: str
    where: tuple[Test, ...] = ()
    total: Range = Range()
    window: Window = Window()


class SegmentCondition(msgspec.Struct, frozen=True):
    key: str


class IdentifierCondition(msgspec.Struct, frozen=True):
    namespace: str
    count: Range


class AllOf(msgspec.Struct, frozen=True):
    parts: tuple[Rule, ...]


class AnyOf(msgspec.Struct, frozen=True):
    parts: tuple[Rule, ...]


class NotOf(msgspec.Struct, frozen=True):
    part: Rule


Rule: TypeAlias = (
    AllOf
    | AnyOf
    | NotOf
    | TraitCondition
    | EventCondition
    | SumCondition
    | SegmentCondition
    | IdentifierCondition
)


def conditions(rule: Rule) -> list[Rule]:
    """The leaves, in the order in which they stand."""
    if isinstance(rule, AllOf | AnyOf):
        return [leaf for part in rule.parts for leaf in conditions(part)]
    if isinstance(rule, NotOf):
        return conditions(rule.part)
    return [rule]
