"""What finds the sightings of two identifiers."""

from __future__ import annotations

import hashlib

from graph_schema.model.identifier import Key


def pair_of(a: Key, b: Key, kind: str) -> str:
    """A digest of 128 bits: keys are long, and what an index holds is not."""
    text = f"{len(a)}:{a}{b}:{kind}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
