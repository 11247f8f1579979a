"""A candidate version that serves a share of the profiles, before it serves all of them."""

from __future__ import annotations

import hashlib

import msgspec

from gnn.arrays import Micros

_WHOLE = 2**64


class Canary(msgspec.Struct, frozen=True, kw_only=True):
    """`version` (an id) answers for a `share` (0 to 1) of the profiles since `since` (µs)."""

    version: str
    share: float
    since: Micros

    def takes(self, profile_id: str) -> bool:
        """Whether a profile is one of the share. The same profile always is, or never; a greater share
        takes in all that a smaller one does; each version has its own."""
        said = f"{self.version}\0{profile_id}".encode()
        digest = hashlib.blake2b(said, digest_size=8).digest()
        return int.from_bytes(digest) < self.share * _WHOLE


class InService(msgspec.Struct, frozen=True, kw_only=True):
    """The versions (ids) that answer: `active` for everybody but the canary's share."""

    active: str | None
    canary: Canary | None

    def share(self, version: str) -> float:
        """The share of the profiles for which a version answers."""
        taken = self.canary.share if self.canary is not None else 0.0
        if version == self.active:
            return 1.0 - taken
        return taken if self.canary is not None and version == self.canary.version else 0.0
