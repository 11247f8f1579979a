"""What a client sends, as properties that people can read in Neo4j.

Neo4j holds text, numbers, booleans and lists of one of them; no maps, no mixed lists, no integers
beyond 64 bits. What it cannot hold stands beside the others as JSON text. The exact value is in
`body` or `tally` in any case: nothing is read back from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

MOST_NAMES = 4_000
LONGEST_TEXT = 2_000
LONGEST_LIST = 100
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}")
_json = msgspec.json.Encoder().encode


class FlatNames:
    """The names that clients gave to properties. A database keeps every name that it ever saw, and
    has room for a limited number: so those beyond `most` stay in the JSON text."""

    def __init__(self, known: Iterable[str] = (), most: int = MOST_NAMES) -> None:
        self._known = set(known)
        self._most = most

    def admits(self, name: str) -> bool:
        if name not in self._known:
            if len(self._known) >= self._most:
                return False
            self._known.add(name)
        return True

    def properties(self, prefix: str, values: Mapping[str, Any], rest: str) -> dict[str, Any]:
        """`prefix` + name for each value that a property can hold; the others, by name, as JSON under
        `rest`. None is no value."""
        flat: dict[str, Any] = {}
        left: dict[str, Any] = {}
        for name, value in values.items():
            if value is None:
                continue
            known = f"{prefix}{name}"
            if _NAME.fullmatch(name) and holdable(value) and self.admits(known):
                flat[known] = value
            else:
                left[name] = value
        if left:
            flat[rest] = _json(left).decode()
        return flat


def holdable(value: Any) -> bool:
    """Whether a property can hold the value, and give it back as it was."""
    if isinstance(value, list):
        return (
            0 < len(value) <= LONGEST_LIST
            and len({type(part) for part in value}) == 1
            and not isinstance(value[0], list)
            and all(holdable(part) for part in value)
        )
    if isinstance(value, str):
        return len(value) <= LONGEST_TEXT and "\x00" not in value
    if isinstance(value, bool | float):
        return True
    return isinstance(value, int) and _LEAST <= value <= _MOST
