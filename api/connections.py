"""Relay connections: pages with opaque keyset cursors.

A cursor names what it was made for (field, order, filter) and the sort values of its element. One
that comes with other arguments is refused, instead of answering a wrong page. Sort values may be
personal (an identifier's own value), so cursors are sealed: encrypted and authenticated under a key
of the server, the same text for the same place (a synthetic nonce, as in RFC 5297).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import orjson

from api.errors import ArgumentError, BadCursor
from graph_schema.model.time import Micros
from graph_schema.store import Span

MOST = 100
_LONGEST_CURSOR = 4_000
_TAG = 12
_BLOCK = 64

Keyset = tuple[Any, ...]


class Seal:
    """Seals short texts under a key. Equal texts give equal seals."""

    def __init__(self, key: bytes) -> None:
        self._tag_key = hashlib.blake2b(b"cursor tag", key=key[:64]).digest()
        self._stream_key = hashlib.blake2b(b"cursor stream", key=key[:64]).digest()

    def close(self, text: bytes) -> str:
        tag = self._tag(text)
        return base64.urlsafe_b64encode(tag + self._mix(tag, text)).decode().rstrip("=")

    def open(self, sealed: str) -> bytes:
        """Raises ValueError where it was not sealed with this key."""
        if len(sealed) > _LONGEST_CURSOR:
            raise ValueError("too long")
        padded = sealed.encode("ascii") + b"=" * (-len(sealed) % 4)
        raw = base64.b64decode(padded, b"-_", validate=True)
        text = self._mix(raw[:_TAG], raw[_TAG:])
        if not hmac.compare_digest(self._tag(text), raw[:_TAG]):
            raise ValueError("sealed with another key")
        return text

    def _tag(self, text: bytes) -> bytes:
        return hashlib.blake2b(text, digest_size=_TAG, key=self._tag_key).digest()

    def _mix(self, tag: bytes, text: bytes) -> bytes:
        stream = b"".join(
            hashlib.blake2b(tag + block.to_bytes(4, "big"), key=self._stream_key).digest()
            for block in range(-(-len(text) // _BLOCK))
        )
        mixed = int.from_bytes(text, "big") ^ int.from_bytes(stream[: len(text)], "big")
        return mixed.to_bytes(len(text), "big")


class Cursors:
    """The cursors of one list: of a field with its order and filter."""

    __slots__ = ("_made_for", "_seal")

    def __init__(self, seal: Seal, *made_for: Any) -> None:
        self._seal = seal
        text = orjson.dumps(made_for, default=list)
        self._made_for = hashlib.blake2b(text, digest_size=6).hexdigest()

    def of(self, keyset: Keyset) -> str:
        return self._seal.close(orjson.dumps([self._made_for, *keyset]))

    def read(self, cursor: str) -> Keyset:
        """The keyset of a cursor of this list. Raises BadCursor."""
        try:
            made_for, *keyset = orjson.loads(self._seal.open(cursor))
        except ValueError as error:
            raise BadCursor from error
        if made_for != self._made_for:
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
