"""Conditions of a segment's rule that ask for personal values.

Who may not see a value must not find it out by trying either: a preview of `email starts with "a"` tells
a letter, and the next one the next. Whether a value is there at all is told by its mask too, so EXISTS
may be asked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from api.auth import Scope
from api.context import Context
from api.errors import PersonalCondition
from api.masking import personal_path, personal_trait
from api.platform import InputProblem, Refused

Path: TypeAlias = tuple[str, ...]


def need_for(ctx: Context, rule: Any) -> None:
    """Raises PersonalCondition where the rule asks for what this token may not see."""
    for path in _hidden(ctx, rule):
        raise PersonalCondition(path=".".join(path))


def refusal_for(ctx: Context, rule: Any) -> Refused | None:
    """The same as a mutation tells it: each such condition with its path."""
    message = "A condition on a personal value needs the scope pii:read."
    problems = tuple(InputProblem("FORBIDDEN", message, path) for path in _hidden(ctx, rule))
    return Refused(problems) if problems else None


def _hidden(ctx: Context, rule: Any) -> Iterator[Path]:
    if not ctx.may(Scope.PII_READ):
        for path in personal_conditions(rule):
            yield ("rule", *path)


def names_values(identity_rules: str) -> bool:
    """Whether rules of identity (TOML) block values: what that would move tells whose those are."""
    try:
        return "blocked" in tomllib.loads(identity_rules)
    except tomllib.TOMLDecodeError:
        return False  # refused for what it is


def personal_conditions(rule: Mapping[str, Any]) -> Iterator[Path]:
    """The paths of the tests of personal traits and properties in a rule, in the shape of the input."""
    for kind in ("all", "any"):
        for place, part in enumerate(rule.get(kind, ())):
            yield from _below((kind, str(place)), part)
    if "not" in rule:
        yield from _below(("not",), rule["not"])
    trait = rule.get("trait")
    if trait is not None and _reads(trait) and personal_trait(trait["name"]):
        yield ("trait", "name")
    for kind in ("event", "sum"):
        if kind in rule:
            yield from ((kind, *path) for path in _properties(rule[kind]))


def _below(path: Path, rule: Mapping[str, Any]) -> Iterator[Path]:
    return ((*path, *inner) for inner in personal_conditions(rule))


def _properties(condition: Mapping[str, Any]) -> Iterator[Path]:
    if personal_path(condition.get("property", "")):
        yield ("property",)
    for place, test in enumerate(condition.get("where", ())):
        if _reads(test) and personal_path(test["name"]):
            yield ("where", str(place), "name")


def _reads(test: Mapping[str, Any]) -> bool:
    return bool(test.get("op") != "EXISTS")
