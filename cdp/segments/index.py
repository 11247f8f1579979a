"""Which segments an event, a trait, an identifier or a membership can change; and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter

import msgspec

from cdp.segments.errors import BadRule, RuleProblem
from cdp.segments.evaluate import ALWAYS
from cdp.segments.parse import parse
from cdp.segments.paths import leaves
from graph_schema.model.rule import (
    EventCondition,
    IdentifierCondition,
    Rule,
    SegmentCondition,
    SumCondition,
    TraitCondition,
    conditions,
)
from graph_schema.model.segment import Segment, SegmentStatus
from graph_schema.model.time import Micros


class Needs(msgspec.Struct):
    """What rules read of a profile. `events` maps an event's name to how far back from now its events
    are wanted, None: all of them. `counted`: names of which the count is enough."""

    events: dict[str, Micros | None] = {}
    counted: set[str] = set()
    traits: set[str] = set()
    namespaces: set[str] = set()
    segments: set[str] = set()

    def reach(self, now: Micros) -> Micros:
        """The earliest event time that any rule reads."""
        backs = self.events.values()
        return -(1 << 62) if None in backs else now - max((b for b in backs if b), default=0)


def needs_of(rule: Rule) -> Needs:
    """What one rule reads."""
    needs = Needs()
    for leaf in conditions(rule):
        match leaf:
            case EventCondition(name, (), _, window) if window == ALWAYS:
                needs.counted.add(name)
            case EventCondition(name, _, _, window) | SumCondition(name, _, _, _, window):
                known = needs.events.get(name, 0)
                back = window.within
                needs.events[name] = None if known is None or back is None else max(known, back)
            case TraitCondition(test):
                needs.traits.add(test.name)
            case IdentifierCondition(namespace):
                needs.namespaces.add(namespace)
            case SegmentCondition(key):
                needs.segments.add(key)
    return needs


class Indexed(msgspec.Struct):
    """A segment with its parsed rule. An archived one, while it is being emptied, holds for nobody."""

    segment: Segment
    rule: Rule
    needs: Needs


class SegmentIndex:
    """All segments that are evaluated, each before those that use it."""

    def __init__(self, segments: Iterable[Segment]) -> None:
        found = {
            segment.key: Indexed(segment, rule := parse(segment.rule), needs_of(rule))
            for segment in segments
            if segment.status is not SegmentStatus.ARCHIVED or segment.walked is not None
        }
        order = sorted_by_use({key: entry.needs.segments for key, entry in found.items()})
        self.segments: dict[str, Indexed] = {key: found[key] for key in order if key in found}
        self._by_event: dict[str, set[str]] = {}
        self._by_trait: dict[str, set[str]] = {}
        self._by_namespace: dict[str, set[str]] = {}
        self._users: dict[str, set[str]] = {}
        for key, entry in self.segments.items():
            for wanted, index in (
                (entry.needs.events.keys() | entry.needs.counted, self._by_event),
                (entry.needs.traits, self._by_trait),
                (entry.needs.namespaces, self._by_namespace),
                (entry.needs.segments, self._users),
            ):
                for name in wanted:
                    index.setdefault(name, set()).add(key)

    def affected(
        self, names: Iterable[str], traits: Iterable[str], namespaces: Iterable[str]
    ) -> set[str]:
        """The segments whose answer those can change, and, through them, the segments that use them."""
        found: set[str] = set()
        for words, index in (
            (names, self._by_event), (traits, self._by_trait), (namespaces, self._by_namespace),
        ):  # fmt: skip
            for word in words:
                found |= index.get(word, set())
        return self.with_users(found)

    def with_users(self, keys: set[str]) -> set[str]:
        """The segments and all that use them, however far."""
        found, fresh = set(keys), set(keys)
        while fresh:
            fresh = {user for key in fresh for user in self._users.get(key, ())} - found
            found |= fresh
        return found

    def needs(self, keys: Iterable[str]) -> Needs:
        """What several segments read together: one range read answers them all."""
        joint = Needs()
        for key in keys:
            needs = self.segments[key].needs
            for name, back in needs.events.items():
                known = joint.events.get(name, 0)
                joint.events[name] = None if known is None or back is None else max(known, back)
            joint.traits |= needs.traits
            joint.namespaces |= needs.namespaces
        return joint


def sorted_by_use(uses: Mapping[str, set[str]], path: tuple[str, ...] = ()) -> list[str]:
    """Keys in an order in which each stands behind those it uses. Raises BadRule naming a circle, at
    that path."""
    try:
        return list(TopologicalSorter(uses).static_order())
    except CycleError as error:
        circle = " → ".join(error.args[1])
        message = f"Segments must not use each other in a circle: {circle}."
        raise BadRule([RuleProblem("CIRCLE", message, path)]) from error


def check_uses(key: str, rule: Rule, segments: Iterable[Segment]) -> None:
    """Raises BadRule where the rule uses a segment that is not there, or closes a circle."""
    known = {s.key: needs_of(parse(s.rule)).segments for s in segments if s.status != "archived"}
    used = [(path, leaf.key) for path, leaf in leaves(rule) if isinstance(leaf, SegmentCondition)]
    unknown = [
        RuleProblem("UNKNOWN_SEGMENT", f"There is no segment {name}.", path)
        for path, name in used
        if name not in known and name != key
    ]
    if unknown:
        raise BadRule(unknown)
    for path, name in used:
        sorted_by_use(known | {key: {name}}, path)


def uses_of(segment: Segment) -> frozenset[str]:
    """The segments that its rule names."""
    return _uses(msgspec.json.encode(segment.rule))


@lru_cache(maxsize=1_000)
def _uses(rule: bytes) -> frozenset[str]:
    """Asked with every answer that shows a segment, and always the same for the same rule."""
    return frozenset(needs_of(parse(msgspec.json.decode(rule))).segments)


def users_of(key: str, segments: Iterable[Segment]) -> list[str]:
    """The segments, not archived, that use this one."""
    return [
        segment.key
        for segment in segments
        if segment.status is not SegmentStatus.ARCHIVED and key in uses_of(segment)
    ]
