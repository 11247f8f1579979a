"""A profile: a cluster of identifiers, and what its sessions add up to. Derived, never assigned."""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from graph_schema.model.identifier import Key, parse_key
from graph_schema.model.tally import Tally
from graph_schema.model.time import Micros


class Profile(msgspec.Struct):
    """`deadline` is the least moment at which a membership turns over if nothing more happens."""

    id: str
    anchor: Key
    first_at: Micros
    last_at: Micros
    tally: Tally
    deadline: Micros | None = None


class ProfileIds:
    """Derives profile ids: `p_` and 128 bits of HMAC-SHA256, keyed by CDP_HASH_KEY, of (namespace,
    value, generation) of the anchor (identity.md, "Terms")."""

    def __init__(self, hash_key: bytes) -> None:
        self._mac = hmac.new(hash_key, digestmod=hashlib.sha256)

    def of(self, anchor: Key, generation: int = 0) -> str:
        mac = self._mac.copy()
        mac.update(f"{generation}\x00{anchor}".encode())
        return f"p_{mac.hexdigest()[:32]}"

    def named(self, key: Key) -> str:
        """An identifier as a finding names it, without its value: its namespace and its id."""
        return f"{parse_key(key)[0]} {self.of(key)}"

    @property
    def fingerprint(self) -> str:
        """Tells one hash key from another without giving either away."""
        mac = self._mac.copy()
        mac.update(b"fingerprint of the hash key")
        return mac.hexdigest()[:16]
