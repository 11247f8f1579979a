"""Membership: a pure function of a profile's events, traits, identifiers, and now.

`evaluate(rule, profile, now)` answers whether the rule holds, and when the answer turns over if
nothing more happens. The events of a window enter at their time and leave `within` later, so every
condition is a step function of time whose next step is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from cdp.segments.compare import as_moment, matches, matches_all, values_at
from graph_schema.model.rule import (
    AllOf,
    AnyOf,
    EventCondition,
    IdentifierCondition,
    NotOf,
    Range,
    Rule,
    RuleOp,
    SegmentCondition,
    SumCondition,
    Test,
    TraitCondition,
    Window,
)
from graph_schema.model.tally import NameTally
from graph_schema.model.time import Micros
from identity.money import micros

_MOST_TURNS = 1_000
ALWAYS = Window()


class EventView(Protocol):
    """An event as rules read it."""

    at: Micros
    mid: str
    name: str

    @property
    def properties(self) -> Mapping[str, Any]: ...


class ProfileView(Protocol):
    """A profile as rules read it. `events` holds at least the events that the rule needs, sorted by
    (at, mid); `names` counts all of them; `segments` are the segments that it is a member of."""

    traits: Mapping[str, Any]
    names: Mapping[str, NameTally]
    namespaces: Mapping[str, int]
    segments: set[str]

    def events(self, name: str) -> Sequence[EventView]: ...


class Verdict(msgspec.Struct, frozen=True):
    """`turns_at`: the next moment at which `holds` is another if nothing more happens; None: never."""

    holds: bool
    turns_at: Micros | None = None


def evaluate(rule: Rule, profile: ProfileView, now: Micros) -> Verdict:
    """Whether the rule holds now, and until when that stays so.

    A part of a rule may turn without turning the whole: such moments are passed over. After a
    thousand of them the moment reached is answered, where the profile is simply looked at again.
    """
    verdict = step(rule, profile, now)
    turns_at = verdict.turns_at
    for _ in range(_MOST_TURNS):
        if turns_at is None:
            break
        later = step(rule, profile, turns_at)
        if later.holds != verdict.holds:
            break
        turns_at = later.turns_at
    return Verdict(verdict.holds, turns_at)


def step(rule: Rule, profile: ProfileView, now: Micros) -> Verdict:
    """As `evaluate`, but `turns_at` is when any part of the rule turns."""
    match rule:
        case AllOf(parts):
            return _together([step(part, profile, now) for part in parts], all)
        case AnyOf(parts):
            return _together([step(part, profile, now) for part in parts], any)
        case NotOf(part):
            inner = step(part, profile, now)
            return Verdict(not inner.holds, inner.turns_at)
        case TraitCondition(test):
            return _trait(test, profile.traits.get(test.name), now)
        case EventCondition(name, where, count, window):
            if not where and window == ALWAYS:
                counted = profile.names.get(name)
                return Verdict(count.holds(counted.count if counted is not None else 0))
            found = [(e.at, 1) for e in matching(profile, name, where, window, now)]
            return _over_time(found, count, window, now)
        case SumCondition(event, property_, where, total, window):
            amounts = [
                (e.at, amount_of(e, property_))
                for e in matching(profile, event, where, window, now)
            ]
            return _over_time(amounts, total, window, now)
        case SegmentCondition(key):
            return Verdict(key in profile.segments)
        case IdentifierCondition(namespace, count):
            return Verdict(count.holds(profile.namespaces.get(namespace, 0)))


def matching(
    profile: ProfileView, name: str, where: Sequence[Test], window: Window, now: Micros
) -> list[EventView]:
    """The events that count now, or will once their time has come."""
    least = window.since
    if window.within is not None:
        opens = now - window.within + 1
        least = opens if least is None else max(least, opens)
    return [
        event
        for event in profile.events(name)
        if (least is None or event.at >= least)
        and (window.until is None or event.at < window.until)
        and (not where or matches_all(where, event.properties, now))
    ]


def amount_of(event: EventView, path: str) -> int:
    """What an event adds to a sum: the amounts under the path, in micros; what is no number adds 0."""
    return sum(micros(value) or 0 for value in values_at(event.properties, path))


def counts_now(at: Micros, window: Window, now: Micros) -> bool:
    """Whether an event that matches has come: only a window `within` waits for now to reach it."""
    return window.within is None or at <= now


def _together(parts: list[Verdict], how: Callable[[list[bool]], bool]) -> Verdict:
    turns = [part.turns_at for part in parts if part.turns_at is not None]
    return Verdict(how([part.holds for part in parts]), min(turns, default=None))


def _over_time(
    found: Sequence[tuple[Micros, int]], wanted: Range, window: Window, now: Micros
) -> Verdict:
    """Walks the moments at which an amount comes or goes, until the answer turns."""
    total = sum(amount for at, amount in found if counts_now(at, window, now))
    holds = wanted.holds(total)
    if window.within is None:
        return Verdict(holds)
    changes: dict[Micros, int] = {}
    for at, amount in found:
        leaves = at + window.within
        changes[leaves] = changes.get(leaves, 0) - amount
        if at > now:
            changes[at] = changes.get(at, 0) + amount
    for at in sorted(changes):
        total += changes[at]
        if wanted.holds(total) != holds:
            return Verdict(holds, at)
    return Verdict(holds)


def _trait(test: Test, found: Any, now: Micros) -> Verdict:
    holds = matches(test, found, now)
    moment = as_moment(found) if test.back is not None else None
    if test.back is None or moment is None or test.op is RuleOp.EXISTS:
        return Verdict(holds)
    # The time compared with moves: the two are equal at `meets`, for one microsecond.
    meets = moment + test.back
    turns = next(
        (at for at in (meets, meets + 1) if at > now and matches(test, found, at) != holds), None
    )
    return Verdict(holds, turns)
