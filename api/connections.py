"""Relay connections: pages with opaque keyset cursors.

A cursor names what it was made for (field, order, filter) by a short digest, and the sort values of
its element. One that comes with other arguments is refused, instead of answering a wrong page.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

import orjson

from api.errors import ArgumentError, BadCursor
from graph_schema.model.time import Micros
from graph_schema.store import Span

MOST = 100
_LONGEST_CURSOR = 2_000

Keyset = tuple[Any, ...]


class Cursors:
    """The cursors of one list: of a field with its order and filter. `kinds` are the types of the
    keyset's values: a cursor is the client's word, and what is read from it goes to the store."""

    __slots__ = ("_kinds", "_made_for")

    def __init__(self, kinds: tuple[type, ...], *made_for: Any) -> None:
        self._kinds = kinds
        text = orjson.dumps(made_for, default=list)
        self._made_for = hashlib.blake2b(text, digest_size=6).hexdigest()

    def of(self, keyset: Iterable[Any]) -> str:
        text = orjson.dumps([self._made_for, *keyset])
        return base64.urlsafe_b64encode(text).decode().rstrip("=")

    def read(self, cursor: str) -> Keyset:
        """The keyset of a cursor of this list. Raises BadCursor."""
        if len(cursor) > _LONGEST_CURSOR:
            raise BadCursor
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            made_for, *keyset = orjson.loads(base64.b64decode(padded, b"-_", validate=True))
        except (ValueError, TypeError) as error:
            raise BadCursor from error
        if made_for != self._made_for or tuple(map(type, keyset)) != self._kinds:
            raise BadCursor
        return tuple(keyset)

    def span(
        self,
        first: int,
        after: str | None,
        since: Micros | None = None,
        until: Micros | None = None,
    ) -> Span:
        """Which part of the list is wanted. Raises ArgumentError, BadCursor."""
        return Span(
            first=checked_first(first),
            after=None if after is None else self.read(after),
            since=since,
            until=until,
        )


def checked_first(first: int) -> int:
    """Raises ArgumentError unless it is between 1 and 100."""
    if not 1 <= first <= MOST:
        raise ArgumentError(reason=f"first must be between 1 and {MOST}.")
    return first
