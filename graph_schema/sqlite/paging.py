"""What the reading methods share: bounds and keysets as parameters, rows as pages and lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from graph_schema.model.change import Change, FeedEntry
from graph_schema.model.time import Micros
from graph_schema.sqlite.evidence import as_json
from graph_schema.store import Page, Span

T = TypeVar("T")

_EVER = (1 << 63) - 1
_NEVER = -(1 << 63)
_change = msgspec.json.Decoder(Change).decode


def page_of(values: Iterable[T], first: int) -> Page[T]:
    found = list(values)
    return Page(found[:first], len(found) > first)


def in_order(keys: Sequence[str], found: dict[str, T]) -> list[T | None]:
    return [found.get(key) for key in keys]


def grouped(keys: Sequence[str], pairs: Iterable[tuple[str, T]]) -> list[list[T]]:
    found: dict[str, list[T]] = {key: [] for key in keys}
    for key, value in pairs:
        found[key].append(value)
    return [found[key] for key in keys]


def names_json(names: Sequence[str] | None) -> str | None:
    return None if names is None else as_json(names)


def since_until(span: Span) -> tuple[Micros, Micros]:
    since = _NEVER if span.since is None else span.since
    return since, _EVER if span.until is None else span.until


def bounds_of(span: Span) -> dict[str, Any]:
    since, until = since_until(span)
    at, id_ = span.after or (None, "")
    return {"at": at, "id": id_, "since": since, "until": until, "limit": span.first + 1}


def feed_entry(row: Any) -> FeedEntry:
    partition, seq, rec, body = row
    return FeedEntry(partition, seq, rec, _change(body))
