"""Why a profile is, or is not, in a segment: every condition with what was found."""

from __future__ import annotations

from typing import Any

import msgspec

from cdp.segments.evaluate import EventView, ProfileView, amount_of, counts_now, matching, step
from cdp.segments.paths import leaves
from cdp.segments.write import decimal_text, to_json
from graph_schema.model.rule import (
    EventCondition,
    IdentifierCondition,
    Rule,
    SegmentCondition,
    SumCondition,
    TraitCondition,
    Window,
)
from graph_schema.model.time import Micros

_SAMPLE = 5


class ConditionTrace(msgspec.Struct, frozen=True):
    """`observed`: a count, a sum as decimal text, a value. `events`: ids of the newest that count."""

    path: tuple[str, ...]
    condition: dict[str, Any]
    holds: bool
    observed: Any
    until: Micros | None
    events: tuple[str, ...]


def trace(rule: Rule, profile: ProfileView, now: Micros) -> list[ConditionTrace]:
    """One entry for each leaf of the rule, in the order in which they stand."""
    return [_explain(path, leaf, profile, now) for path, leaf in leaves(rule)]


def _explain(
    path: tuple[str, ...], leaf: Rule, profile: ProfileView, now: Micros
) -> ConditionTrace:
    verdict = step(leaf, profile, now)
    observed: Any = None
    events: tuple[str, ...] = ()
    match leaf:
        case EventCondition(name, where, _, window):
            found = _counted(matching(profile, name, where, window, now), window, now)
            observed, events = len(found), tuple(e.mid for e in found[: -_SAMPLE - 1 : -1])
        case SumCondition(event, property_, where, _, window):
            found = _counted(matching(profile, event, where, window, now), window, now)
            observed = decimal_text(sum(amount_of(e, property_) for e in found))
            events = tuple(e.mid for e in found[: -_SAMPLE - 1 : -1])
        case TraitCondition(test):
            observed = profile.traits.get(test.name)
        case IdentifierCondition(namespace):
            observed = profile.namespaces.get(namespace, 0)
        case SegmentCondition(key):
            observed = key in profile.segments
    return ConditionTrace(path, to_json(leaf), verdict.holds, observed, verdict.turns_at, events)


def _counted(events: list[EventView], window: Window, now: Micros) -> list[EventView]:
    return [event for event in events if counts_now(event.at, window, now)]
