"""From the JSON of the input `SegmentRule` to the syntax tree; `write.py` goes back."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from cdp.segments.compare import read
from cdp.segments.durations import parse_duration
from cdp.segments.errors import BadRule, RuleProblem
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
    ValueType,
    Window,
)
from graph_schema.model.time import from_iso
from identity.money import micros

Path = tuple[str, ...]
_DEEPEST = 12
_MOST_CONDITIONS = 100
_KEY = re.compile(r"[a-z0-9_-]{1,64}")
_READABLE = {
    ValueType.TEXT: "Give a text, a number or a boolean.",
    ValueType.NUMBER: "Give a number, or a text that is one.",
    ValueType.BOOLEAN: 'Give true or false, also as text: "true".',
    ValueType.DATETIME: "Give an ISO 8601 time, or a duration back: -P30D.",
}
_PATH = re.compile(r"[^.\[\]]+(?:\[\])?(?:\.[^.\[\]]+(?:\[\])?)*")
_ORDERED = (RuleOp.GT, RuleOp.GTE, RuleOp.LT, RuleOp.LTE)
_TEXTUAL = (RuleOp.STARTS_WITH, RuleOp.CONTAINS)


def parse(rule: Any) -> Rule:
    """Raises BadRule with every mistake and its path."""
    parser = _Parser()
    tree = parser.rule(rule, ())
    if parser.conditions > _MOST_CONDITIONS:
        parser.wrong("TOO_LARGE", f"A rule may have {_MOST_CONDITIONS} conditions at most.", ())
    if parser.problems or tree is None:
        raise BadRule(parser.problems)
    return tree


def parse_tests(rules: Any, path: Path) -> tuple[Test, ...]:
    """Property rules alone, as the filters of items have them. Raises BadRule with every mistake, each
    path beginning with `path`."""
    parser = _Parser()
    tests = parser.tests(rules, path)
    if parser.problems:
        raise BadRule(parser.problems)
    return tests


def segment_key(key: Any) -> bool:
    """Whether it is a segment's key: lower case, digits, _ and -; at most 64."""
    return isinstance(key, str) and _KEY.fullmatch(key) is not None


def key_problem(key: Any) -> RuleProblem | None:
    """Why it cannot be the key of a new segment."""
    if segment_key(key):
        return None
    message = "A segment's key has lower case letters, digits, _ and -; at most 64 of them."
    return RuleProblem("BAD_KEY", message, ("key",))


class _Parser:
    """Goes on after a mistake, so that all of them are told at once."""

    def __init__(self) -> None:
        self.problems: list[RuleProblem] = []
        self.conditions = 0
        self._kinds: dict[str, Callable[[Any, Path], Rule | None]] = {
            "all": self._all,
            "any": self._any,
            "not": self._not,
            "trait": self._trait,
            "event": self._event,
            "sum": self._sum,
            "segment": self._segment,
            "identifiers": self._identifiers,
        }

    def wrong(self, code: str, message: str, path: Path) -> None:
        self.problems.append(RuleProblem(code, message, path))

    def rule(self, value: Any, path: Path) -> Rule | None:
        if len(path) > 2 * _DEEPEST:
            self.wrong("TOO_LARGE", f"A rule may be nested {_DEEPEST} deep at most.", path)
            return None
        given = {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else {}
        if len(given) != 1:
            known = ", ".join(self._kinds)
            self.wrong("ONE_OF", f"A rule is an object with exactly one of: {known}.", path)
            return None
        ((kind, inner),) = given.items()
        if kind not in self._kinds:
            known = ", ".join(self._kinds)
            self.wrong("UNKNOWN_CONDITION", f"Known conditions are: {known}.", (*path, kind))
            return None
        return self._kinds[kind](inner, (*path, kind))

    # ── the kinds of rules ─────────────────────────────────────────────────────────────────────

    def _parts(self, value: Any, path: Path) -> tuple[Rule, ...]:
        if not isinstance(value, list) or not value:
            self.wrong("EMPTY", "Give a list of at least one rule.", path)
            return ()
        parts = [self.rule(part, (*path, str(place))) for place, part in enumerate(value)]
        return tuple(part for part in parts if part is not None)

    def _all(self, value: Any, path: Path) -> Rule:
        return AllOf(self._parts(value, path))

    def _any(self, value: Any, path: Path) -> Rule:
        return AnyOf(self._parts(value, path))

    def _not(self, value: Any, path: Path) -> Rule | None:
        part = self.rule(value, path)
        return NotOf(part) if part is not None else None

    def _trait(self, value: Any, path: Path) -> Rule | None:
        fields = self._fields(value, path, {"name", "op", "value", "as"})
        if fields is None:
            return None
        test = self._test(self._name(fields, "name", path), fields, path, relative=True)
        return TraitCondition(test) if test is not None else None

    def _event(self, value: Any, path: Path) -> Rule | None:
        known = {"name", "where", "count", "within", "since", "until"}
        fields = self._fields(value, path, known)
        if fields is None:
            return None
        return EventCondition(
            self._name(fields, "name", path),
            self.tests(fields.get("where"), (*path, "where")),
            self._range(fields.get("count", {"gte": 1}), (*path, "count"), _whole),
            self._window(fields, path),
        )

    def _sum(self, value: Any, path: Path) -> Rule | None:
        known = {"event", "property", "where", "gte", "lte", "within", "since", "until"}
        fields = self._fields(value, path, known)
        if fields is None:
            return None
        bounds = {name: fields[name] for name in ("gte", "lte") if name in fields}
        return SumCondition(
            self._name(fields, "event", path),
            self._property(fields, "property", path),
            self.tests(fields.get("where"), (*path, "where")),
            self._range(bounds, path, _decimal),
            self._window(fields, path),
        )

    def _segment(self, value: Any, path: Path) -> Rule:
        self.conditions += 1
        if not segment_key(value):
            self.wrong("BAD_KEY", "Give the key of a segment.", path)
        return SegmentCondition(str(value))

    def _identifiers(self, value: Any, path: Path) -> Rule | None:
        fields = self._fields(value, path, {"namespace", "gte", "lte"})
        if fields is None:
            return None
        bounds = {name: fields[name] for name in ("gte", "lte") if name in fields}
        return IdentifierCondition(
            self._name(fields, "namespace", path), self._range(bounds, path, _whole)
        )

    # ── their parts ────────────────────────────────────────────────────────────────────────────

    def _fields(self, value: Any, path: Path, known: set[str]) -> dict[str, Any] | None:
        self.conditions += 1
        if not isinstance(value, dict):
            self.wrong("WRONG_TYPE", f"Give an object with: {', '.join(sorted(known))}.", path)
            return None
        for name in sorted(value.keys() - known):
            self.wrong("UNKNOWN_FIELD", f"There is no field {name} here.", (*path, name))
        return {name: inner for name, inner in value.items() if inner is not None}

    def _name(self, fields: dict[str, Any], field: str, path: Path) -> str:
        name = fields.get(field)
        if not isinstance(name, str) or not name:
            self.wrong("MISSING", f"Give {field} as a text.", (*path, field))
            return ""
        return name

    def _property(self, fields: dict[str, Any], field: str, path: Path) -> str:
        name = self._name(fields, field, path)
        if name and _PATH.fullmatch(name) is None:
            message = "A path is names with dots between them: cart.total, products[].category."
            self.wrong("BAD_PATH", message, (*path, field))
        return name

    def tests(self, value: Any, path: Path) -> tuple[Test, ...]:
        if value is None:
            return ()
        if not isinstance(value, list):
            self.wrong("WRONG_TYPE", "Give a list of property rules.", path)
            return ()
        tests = []
        for place, entry in enumerate(value):
            here = (*path, str(place))
            fields = self._fields(entry, here, {"name", "op", "value", "as"})
            if fields is not None:
                name = self._property(fields, "name", here)
                tests.append(self._test(name, fields, here, relative=False))
        return tuple(test for test in tests if test is not None)

    def _test(
        self, name: str, fields: dict[str, Any], path: Path, *, relative: bool
    ) -> Test | None:
        op = self._enum(RuleOp, fields.get("op", "EQ"), (*path, "op"))
        reading = self._enum(ValueType, fields.get("as"), (*path, "as")) if "as" in fields else None
        if op is None:
            return None
        value = fields.get("value")
        if reading is not None and (misread := _reading_problem(op, reading)):
            self.wrong("BAD_VALUE", misread, (*path, "as"))
            return None
        problem = _value_problem(op, reading, value)
        if problem:
            self.wrong("BAD_VALUE", problem, (*path, "value"))
            return None
        back = None
        if reading is ValueType.DATETIME and isinstance(value, str) and value.startswith("-P"):
            back = self._back(value, (*path, "value"), relative=relative)
        elif reading is not None and op is not RuleOp.EXISTS:
            self._readable(value, reading, (*path, "value"))
        return Test(name, op, tuple(value) if isinstance(value, list) else value, reading, back)

    def _back(self, value: str, path: Path, *, relative: bool) -> int | None:
        if not relative:
            self.wrong("BAD_VALUE", "Only a trait can be compared with a time back from now.", path)
            return None
        try:
            return -parse_duration(value)
        except ValueError as error:
            self.wrong("BAD_DURATION", f"{value!r} is no duration: {error}.", path)
            return None

    def _readable(self, value: Any, reading: ValueType, path: Path) -> None:
        """What the other side of a comparison can never be read as would never match."""
        entries = value if isinstance(value, list) else [value]
        if any(read(entry, reading) is None for entry in entries):
            self.wrong("BAD_VALUE", _READABLE[reading], path)

    def _range(self, value: Any, path: Path, read: Callable[[Any], int | None]) -> Range:
        if not isinstance(value, dict) or value.keys() - {"gte", "lte"}:
            self.wrong("WRONG_TYPE", "Give gte, lte or both.", path)
            return Range()
        bounds = {name: given for name, given in value.items() if given is not None}
        found = {name: read(given) for name, given in bounds.items()}
        for name in [name for name, bound in found.items() if bound is None]:
            self.wrong("BAD_VALUE", f"{name} must be {read.__doc__}.", (*path, name))
        if not bounds:
            self.wrong("MISSING", "Give gte, lte or both.", path)
        gte, lte = found.get("gte"), found.get("lte")
        if gte is not None and lte is not None and gte > lte:
            self.wrong("BAD_RANGE", "gte must not be above lte.", path)
        return Range(gte, lte)

    def _window(self, fields: dict[str, Any], path: Path) -> Window:
        within = None
        if "within" in fields:
            try:
                within = parse_duration(fields["within"])
                if within < 0:
                    raise ValueError("it must not be negative")
            except (ValueError, TypeError) as error:
                self.wrong("BAD_DURATION", f"within is no duration: {error}.", (*path, "within"))
        since, until = (self._time(fields, name, path) for name in ("since", "until"))
        if since is not None and until is not None and since >= until:
            self.wrong("BAD_RANGE", "since must be before until.", path)
        return Window(within, since, until)

    def _time(self, fields: dict[str, Any], name: str, path: Path) -> int | None:
        if name not in fields:
            return None
        try:
            return from_iso(fields[name])
        except (ValueError, TypeError, OverflowError):
            self.wrong("BAD_VALUE", f"{name} must be an ISO 8601 time.", (*path, name))
            return None

    def _enum(self, kind: type[Any], value: Any, path: Path) -> Any:
        try:
            return kind(value)
        except ValueError:
            self.wrong(
                "BAD_VALUE", f"It must be one of: {', '.join(str(word) for word in kind)}.", path
            )
            return None


def _value_problem(op: RuleOp, reading: ValueType | None, value: Any) -> str:
    if op is RuleOp.EXISTS:
        return "EXISTS takes no value." if value is not None else ""
    if op is RuleOp.IN:
        if not isinstance(value, list) or not value or not all(map(_is_scalar, value)):
            return "IN takes a list of texts, numbers or booleans."
        return ""
    if value is None or not _is_scalar(value):
        return f"{op} takes a text, a number or a boolean."
    if op in _ORDERED and isinstance(value, bool):
        return f"{op} takes a text or a number."
    if op is RuleOp.STARTS_WITH and not isinstance(value, str) and reading is not ValueType.TEXT:
        return f"{op} takes a text."
    return ""


def _reading_problem(op: RuleOp, reading: ValueType) -> str:
    if op in _TEXTUAL and reading is not ValueType.TEXT:
        return f"{op} reads TEXT, or values as they are."
    if op in _ORDERED and reading is ValueType.BOOLEAN:
        return f"{op} needs an order: true and false have none."
    return ""


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | bool | int) or (
        isinstance(value, float) and math.isfinite(value)
    )


def _whole(value: Any) -> int | None:
    """a whole number from 0 on"""
    return value if type(value) is int and 0 <= value < 1 << 63 else None


def _decimal(value: Any) -> int | None:
    """a number with at most six places"""
    amount = micros(value)
    if amount is None or Decimal(str(value).strip()) != Decimal(amount).scaleb(-6):
        return None
    return amount
