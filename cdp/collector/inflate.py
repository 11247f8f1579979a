"""Inflating a body without letting it become larger than what is taken."""

from __future__ import annotations

import zlib

from cdp.collector.errors import NotGzip, RequestTooLarge

_GZIP = 31  # zlib's window bits for gzip alone


def inflate(body: bytes, limit: int) -> bytes:
    """The content of a gzip body, also one of several members. Never holds more than `limit` + 1 of
    its bytes. Raises NotGzip, RequestTooLarge."""
    parts: list[bytes] = []
    room = limit + 1
    rest = body
    while rest:
        member = zlib.decompressobj(_GZIP)
        try:
            part = member.decompress(rest, room)
        except zlib.error:
            raise NotGzip from None
        room -= len(part)
        if room <= 0:
            raise RequestTooLarge(limit=limit, what="inflated")
        if not member.eof:
            raise NotGzip
        parts.append(part)
        rest = member.unused_data
    if not parts:
        raise NotGzip
    return b"".join(parts)
