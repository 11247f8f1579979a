"""How values compare (segments.md): by JSON type, numbers mathematically, text by code point; what is
missing never matches, not even NE."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from graph_schema.model.rule import RuleOp, Test, ValueType
from graph_schema.model.time import Micros, from_iso

_ABSENT = object()
_NUMBER = re.compile(r"[-+]?[0-9]{1,400}(\.[0-9]{0,400})?([eE][-+]?[0-9]{1,3})?")
_ORDER: dict[RuleOp, Callable[[Any, Any], bool]] = {
    RuleOp.GT: lambda found, wanted: bool(found > wanted),
    RuleOp.GTE: lambda found, wanted: bool(found >= wanted),
    RuleOp.LT: lambda found, wanted: bool(found < wanted),
    RuleOp.LTE: lambda found, wanted: bool(found <= wanted),
}


def matches(test: Test, found: Any, now: Micros) -> bool:
    """Whether the value found passes the test; `now` is for durations back."""
    if found is None:
        return False
    if test.op is RuleOp.EXISTS:
        return True
    if test.reading is not None:
        return _compare(test.op, read(found, test.reading), _wanted(test, now))
    return _compare(test.op, found, test.value)


def matches_all(tests: Iterable[Test], properties: Mapping[str, Any], now: Micros) -> bool:
    """Whether an event's properties pass every test; a path may find several values, any of which
    may pass."""
    return all(
        any(matches(test, found, now) for found in values_at(properties, test.name))
        for test in tests
    )


def values_at(properties: Mapping[str, Any], path: str) -> list[Any]:
    """The values under a path: `cart.total`; `products[].category` finds one for each product. A name
    that holds dots itself is found too."""
    if path in properties:
        return [properties[path]]
    values: list[Any] = [properties]
    for step in path.split("."):
        name, each = (step[:-2], True) if step.endswith("[]") else (step, False)
        inner = [value.get(name, _ABSENT) for value in values if isinstance(value, Mapping)]
        values = [value for value in inner if value is not _ABSENT]
        if each:
            values = [entry for value in values if isinstance(value, list) for entry in value]
    return values


def read(value: Any, reading: ValueType) -> Any:
    """A value as the type that `as` names; None where it cannot be."""
    match reading:
        case ValueType.TEXT:
            return _as_text(value)
        case ValueType.NUMBER:
            return _as_number(value)
        case ValueType.BOOLEAN:
            return _as_boolean(value)
        case ValueType.DATETIME:
            return as_moment(value)


def as_moment(value: Any) -> Micros | None:
    try:
        return from_iso(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _wanted(test: Test, now: Micros) -> Any:
    if test.back is not None:
        return now - test.back
    assert test.reading is not None
    if isinstance(test.value, tuple):
        return tuple(read(value, test.reading) for value in test.value)
    return read(test.value, test.reading)


def _compare(op: RuleOp, found: Any, wanted: Any) -> bool:
    if found is None or wanted is None:
        return False
    if op is RuleOp.IN:
        return any(_equal(found, one) for one in wanted)
    if op is RuleOp.CONTAINS:
        return _contains(found, wanted)
    if _kind(found) != _kind(wanted):
        return False
    if op is RuleOp.EQ:
        return bool(found == wanted)
    if op is RuleOp.NE:
        return bool(found != wanted)
    if op is RuleOp.STARTS_WITH:
        return isinstance(found, str) and found.startswith(wanted)
    return _kind(found) in ("number", "text") and _ORDER[op](found, wanted)


def _contains(found: Any, wanted: Any) -> bool:
    if isinstance(found, str):
        return isinstance(wanted, str) and wanted in found
    return isinstance(found, list) and any(_equal(entry, wanted) for entry in found)


def _equal(found: Any, wanted: Any) -> bool:
    return _kind(found) == _kind(wanted) and bool(found == wanted)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | Decimal):
        return "number"
    return "text" if isinstance(value, str) else "other"


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) else None


def _as_boolean(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value)
    return value if isinstance(value, bool) else None


def _as_number(value: Any) -> int | Decimal | None:
    """A float as the shortest text that reads as it, which is what its sender wrote: so 0.1 is "0.1"."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        value = repr(value)
    if isinstance(value, str):
        text = value.strip()
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    return value if isinstance(value, int) else None
