"""Rows of values to calls and items, each with an id of its own."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

from cdp.imports.files import RawRow

_OBJECTS: Final = frozenset({"context", "properties", "traits", "integrations", "attributes"})


class Row(msgspec.Struct, frozen=True):
    """`line` counts from 1. Exactly one of `call`, `item` and `problem` is there. `fallback_id`: the
    messageId of a call that has none. `text`: of a row with a problem, the row as it was."""

    line: int
    call: dict[str, Any] | None
    item: dict[str, Any] | None
    problem: str | None
    fallback_id: str
    text: bytes = b""


class Occurrences:
    """Names rows by their content and how often it was met before in this file: the same file again
    gives the same ids, and two equal rows of it are two events."""

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def id_of(self, values: Mapping[str, Any]) -> str:
        text = json.dumps(values, sort_keys=True, separators=(",", ":"), default=str)
        content = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
        nth = self._seen[content]
        self._seen[content] += 1
        return "import-" + hashlib.sha256(content + str(nth).encode()).hexdigest()[:32]


def row_of(raw: RawRow, occurrences: Occurrences) -> Row:
    """A call of the Segment spec, or an item where its type says so."""
    if raw.values is None:
        return bad_row(raw, raw.problem or "")
    try:
        values = _nested(raw.values) if raw.flat else raw.values
        id_ = occurrences.id_of(values)
    except (ValueError, TypeError, RecursionError) as error:
        if isinstance(error, PathClash):
            return bad_row(raw, str(error))
        return bad_row(raw, "The row holds what JSON cannot say.")
    if values.get("type") == "item":
        return _item_row(raw, values, id_)
    return Row(raw.line, values, None, None, id_)


def bad_row(raw: RawRow, problem: str) -> Row:
    return Row(raw.line, None, None, problem, "", raw.text or _as_text(raw.values))


def _as_text(values: Mapping[str, Any] | None) -> bytes:
    """A table's row as JSON; nothing where its values are no JSON."""
    try:
        return json.dumps(values, default=str).encode()
    except (ValueError, TypeError, RecursionError):
        return b""


class PathClash(ValueError):
    """Two columns of a table say different shapes of one value."""


def _item_row(raw: RawRow, values: dict[str, Any], id_: str) -> Row:
    name = values.get("id")
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        return bad_row(raw, "The item has no id.")
    return Row(raw.line, None, values, None, id_)


def _nested(cells: Mapping[str, Any]) -> dict[str, Any]:
    """`{"context.ip": 1}` to `{"context": {"ip": 1}}`; a cell of JSON for an object is read as one."""
    nested: dict[str, Any] = {}
    for name, cell in cells.items():
        *path, last = name.split(".")
        inner = nested
        for step in path:
            inner = inner.setdefault(step, {})
            if not isinstance(inner, dict):
                raise PathClash(f"The column {name} lies inside another column's value.")
        if last in inner:
            raise PathClash(f"The column {name} is there twice.")
        inner[last] = _plain(_parsed(cell) if not path and last in _OBJECTS else cell)
    return nested


def _parsed(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def _plain(cell: Any) -> Any:
    """What Parquet holds, in JSON's values."""
    if isinstance(cell, datetime):
        aware = cell if cell.tzinfo is not None else cell.replace(tzinfo=UTC)
        return aware.isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    if isinstance(cell, dict):
        return {name: _plain(value) for name, value in cell.items() if value is not None}
    if isinstance(cell, list):
        return [_plain(value) for value in cell]
    return cell
