"""Arguments of the command line, read: what is wrong with one is said in a sentence (exit code 2)."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable

from graph_schema.model.time import Micros, from_iso

UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """A whole number in a range, both ends included."""
    known = f"from {least} to {most}" if most is not None else f"from {least} on"

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            raise ArgumentTypeError(f"{text!r} is no whole number {known}")
        return value

    return read


def seconds(text: str) -> float:
    """A span of time: 90s, 10m, 1h, 7d; a number alone is seconds."""
    number, unit = (text[:-1], text[-1:]) if text[-1:] in UNITS else (text, "s")
    try:
        value = float(number) * UNITS[unit]
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise ArgumentTypeError(f"{text!r} is no span of time such as 90s, 10m or 1h")
    return value


def moment(text: str) -> Micros:
    try:
        return from_iso(text)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is no time in ISO 8601: 2026-11-23T10:00Z") from None


def pair(text: str) -> tuple[str, str]:
    """COLUMN=FIELD."""
    column, sign, field = text.partition("=")
    if not (column and sign and field):
        raise ArgumentTypeError(f"{text!r} is not of the form COLUMN=FIELD")
    return column, field
