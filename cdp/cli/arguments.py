"""Arguments of the command line, read: what is wrong with one is said in a sentence (exit code 2)."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable

from graph_schema.model.time import Micros, from_iso


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
