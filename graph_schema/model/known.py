"""What was known of an identifier, and from which moment on: the past of what changes with evidence.

`rec` is the clock of everything recorded. A value holds from its `rec` until the next one of the same
identifier, so that the answer at a moment is the last value at or before it.
"""

from __future__ import annotations

import msgspec

from graph_schema.model.identifier import IdentifierStatus, Key
from graph_schema.model.time import Micros


class Assigned(msgspec.Struct, frozen=True):
    """Which profile held an identifier (None: none, its value is blocked), and how it stood."""

    identifier: Key
    profile: str | None
    status: IdentifierStatus
    rec: Micros


class Sighting(msgspec.Struct, frozen=True):
    """When an identifier had first and last been seen, by event time, as far as was known."""

    identifier: Key
    first_at: Micros
    last_at: Micros
    rec: Micros
