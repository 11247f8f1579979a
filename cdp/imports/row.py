"""One row of a file."""

from __future__ import annotations

from typing import Any

import msgspec


class Row(msgspec.Struct, frozen=True):
    """One row: a Segment call, an item of the catalogue, or why it is neither. `fallback_id` is a hash
    of the content and its occurrence in the file: the same file gives the same ids again."""

    line: int
    fallback_id: str
    call: dict[str, Any] | None = None
    item: dict[str, Any] | None = None
    problem: str | None = None
