"""When something happened, by the server's clock (collector.md, "Time")."""

from __future__ import annotations

from typing import Final

from graph_schema.model.time import Micros, from_iso

EARLIEST: Final = from_iso("0001-01-01T00:00:00Z")
LATEST: Final = from_iso("9999-12-31T23:59:59.999999Z")


def corrected(original: Micros | None, sent_at: Micros | None, received_at: Micros) -> Micros:
    """`receivedAt - (sentAt - originalTimestamp)`: the client's clock may be wrong, the time between
    two of its readings is not. `received_at` where the client gave no time or did not say when it
    sent, and where the result lies in the future, or before the year 1."""
    if original is None or sent_at is None:
        return received_at
    at = received_at - (sent_at - original)
    return at if EARLIEST <= at <= received_at else received_at


def parsed(text: object) -> Micros | None:
    """A time in ISO 8601; None where it is none, or lies outside the years 1 to 9999 in UTC."""
    if not isinstance(text, str):
        return None
    try:
        at = from_iso(text)
    except (ValueError, OverflowError):
        return None
    return at if EARLIEST <= at <= LATEST else None
