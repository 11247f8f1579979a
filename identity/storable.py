"""Values of traits as every store can keep them."""

from __future__ import annotations

from typing import Any, Final

UNFIT: Final = object()
"""What `storable` answers for a value that cannot be kept."""

_DEEPEST = 32
_LONGEST_BITS = 1024
_LEAST, _MOST = -(1 << 63), (1 << 64) - 1


def storable(value: Any, depth: int = _DEEPEST) -> Any:
    """The value itself, except: integers beyond 64 bits become text, as those beyond 2^53 do in an
    answer of the API; longer than 1,024 bits, or nested more than 32 deep, it is UNFIT."""
    if isinstance(value, int):
        if _LEAST <= value <= _MOST:
            return value
        return str(value) if value.bit_length() <= _LONGEST_BITS else UNFIT
    if not isinstance(value, dict | list):
        return value
    if depth == 0:
        return UNFIT
    inner = value.values() if isinstance(value, dict) else value
    kept = [storable(part, depth - 1) for part in inner]
    if any(part is UNFIT for part in kept):
        return UNFIT
    return dict(zip(value, kept, strict=True)) if isinstance(value, dict) else kept
