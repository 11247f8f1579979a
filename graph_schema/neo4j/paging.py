"""What the reading methods share: bounds as parameters, rows as pages and lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from graph_schema.store import Page, Span

T = TypeVar("T")

EVER = (1 << 63) - 1
NEVER = -(1 << 63)
LAST = "\U0010ffff" * 4
"""Behind every id: no text has a code point beyond it."""


def page_of(values: Iterable[T], first: int) -> Page[T]:
    found = list(values)
    return Page(found[:first], len(found) > first)


def pages(
    keys: Sequence[str], found: Iterable[list[Any]], value: Callable[[list[Any]], T], first: int
) -> list[Page[T]]:
    """Rows that begin with the key they belong to."""
    groups = grouped(keys, ((row[0], row[1:]) for row in found))
    return [page_of(map(value, group), first) for group in groups]


def in_order(keys: Sequence[str], found: dict[str, T]) -> list[T | None]:
    return [found.get(key) for key in keys]


def grouped(keys: Sequence[str], pairs: Iterable[tuple[str, T]]) -> list[list[T]]:
    found: dict[str, list[T]] = {key: [] for key in keys}
    for key, value in pairs:
        found[key].append(value)
    return [found[key] for key in keys]


def distinct(keys: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(keys))


def names_of(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else list(names)


def bounds_of(span: Span) -> dict[str, Any]:
    return {
        "since": NEVER if span.since is None else span.since,
        "until": EVER if span.until is None else span.until,
    }
