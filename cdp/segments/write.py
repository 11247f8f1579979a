"""From a rule's syntax tree to JSON in the shape of the input `SegmentRule`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cdp.segments.durations import format_duration
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
from graph_schema.model.time import to_exact_iso


def to_json(rule: Rule) -> dict[str, Any]:
    """The rule in the shape of the input; what has its default is left out."""
    match rule:
        case AllOf(parts):
            return {"all": [to_json(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [to_json(part) for part in parts]}
        case NotOf(part):
            return {"not": to_json(part)}
        case TraitCondition(test):
            return {"trait": _test_json(test)}
        case EventCondition(name, where, count, window):
            inner = {"name": name} | _where_json(where)
            if count != Range(gte=1):
                inner["count"] = _range_json(count, lambda bound: bound)
            return {"event": inner | _window_json(window)}
        case SumCondition(event, property_, where, total, window):
            inner = {"event": event, "property": property_} | _where_json(where)
            return {"sum": inner | _range_json(total, decimal_text) | _window_json(window)}
        case SegmentCondition(key):
            return {"segment": key}
        case IdentifierCondition(namespace, count):
            bounds = _range_json(count, lambda bound: bound)
            return {"identifiers": {"namespace": namespace} | bounds}


def _test_json(test: Test) -> dict[str, Any]:
    found: dict[str, Any] = {"name": test.name}
    if test.op is not RuleOp.EQ:
        found["op"] = test.op.value
    if test.op is not RuleOp.EXISTS:
        found["value"] = list(test.value) if isinstance(test.value, tuple) else test.value
    if test.reading is not None:
        found["as"] = test.reading.value
    return found


def _where_json(where: tuple[Test, ...]) -> dict[str, Any]:
    return {"where": [_test_json(test) for test in where]} if where else {}


def _range_json(bounds: Range, write: Callable[[int], Any]) -> dict[str, Any]:
    given = (("gte", bounds.gte), ("lte", bounds.lte))
    return {name: write(bound) for name, bound in given if bound is not None}


def decimal_text(bound: int) -> str:
    """Micros as exact decimal text."""
    whole, rest = divmod(abs(bound), 1_000_000)
    places = f".{rest:06d}".rstrip("0") if rest else ""
    return f"{'-' if bound < 0 else ''}{whole}{places}"


def _window_json(window: Window) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if window.within is not None:
        found["within"] = format_duration(window.within)
    if window.since is not None:
        found["since"] = to_exact_iso(window.since)
    if window.until is not None:
        found["until"] = to_exact_iso(window.until)
    return found
