"""Who sends: a write key, which names a source."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable


class WriteKeys:
    """The keys that may write. A key is known by its digest, compared in constant time."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._sources = {_digest(key): source_name(key) for key in keys}

    def source(self, key: str) -> str | None:
        """The name of the source that a key belongs to; None for an unknown key."""
        wanted, found = _digest(key), None
        for digest, source in self._sources.items():
            if hmac.compare_digest(digest, wanted):
                found = source
        return found

    def source_of(self, authorization: str, in_body: object) -> str | None:
        """The source of a request: by its header, else by its body's `writeKey`. An Authorization
        that is none of ours does not count against a right key in the body: proxies add their own."""
        from_header = basic_user(authorization)
        found = self.source(from_header) if from_header is not None else None
        if found is None and isinstance(in_body, str):
            found = self.source(in_body)
        return found


def source_name(key: str) -> str:
    """Stable, and does not give the key away."""
    return f"w_{_digest(key).hex()[:8]}"


def basic_user(authorization: str) -> str | None:
    """The user name of Basic authentication; also where the colon behind it is missing."""
    scheme, _, encoded = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    encoded = encoded.strip().rstrip("=")
    try:
        decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return decoded.partition(":")[0]


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
