"""The scalars of the schema, and how they are read and written."""

from __future__ import annotations

import decimal
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import strawberry
from graphql import GraphQLError

from graph_schema.model.time import DAY, MINUTE, SECOND, Micros, from_iso, to_iso

EXACT = 2**53
"""The largest integer up to which JSON numbers are exact in every client."""
_INT64 = 2**63
_MICROS = decimal.Decimal(1_000_000)

if TYPE_CHECKING:
    # To the type checker a scalar is the value that resolvers handle; at run time it is a class of
    # its own, so that Strawberry and the reader of rules can tell one int from another.
    DateTime: TypeAlias = int
    Decimal: TypeAlias = int
    Long: TypeAlias = int
    Duration: TypeAlias = str
    JSON: TypeAlias = Any
else:

    class DateTime(int):
        """A moment in microseconds."""

    class Decimal(int):
        """A number in millionths."""

    class Long(int):
        """An integer of 64 bits."""

    class Duration(str):
        """ISO 8601, as the client wrote it."""

    class JSON:
        """Any JSON value."""


@lru_cache(maxsize=4096)
def _day(day: int) -> str:
    return to_iso(day * DAY)[:11]


_MINUTES = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(24 * 60))


def write_datetime(at: Micros) -> str:
    """As `to_iso`; lists are full of times, and this takes a third of the time."""
    day, rest = divmod(at, DAY)
    minute, rest = divmod(rest, MINUTE)
    second, rest = divmod(rest, SECOND)
    return f"{_day(day)}{_MINUTES[minute]}{second:02d}.{rest // 1000:03d}Z"


def read_datetime(value: object) -> Micros:
    """Raises GraphQLError."""
    if isinstance(value, str):
        try:
            return DateTime(from_iso(value))
        except (ValueError, OverflowError) as error:
            raise GraphQLError("DateTime is ISO 8601: 2026-11-23T10:00:00.000Z.") from error
    raise GraphQLError("DateTime is ISO 8601 text: 2026-11-23T10:00:00.000Z.")


def write_decimal(micros: int) -> str:
    """Millionths as a plain decimal without trailing zeros: 12500000 -> 12.5."""
    sign = "-" if micros < 0 else ""
    whole, rest = divmod(abs(micros), 1_000_000)
    fraction = f"{rest:06d}".rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def read_decimal(value: object) -> int:
    """Text or a number -> millionths. Raises GraphQLError where it is not exact in 64 bits."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise GraphQLError("Decimal is a number, or a number as text.")
    if isinstance(value, str) and len(value) > 40:
        raise GraphQLError("Decimal has at most 13 digits before the point and six behind it.")
    try:
        number = decimal.Decimal(repr(value) if isinstance(value, float) else value)
        if not number.is_finite() or abs(number) >= decimal.Decimal(10) ** 13:
            raise GraphQLError("Decimal has at most 13 digits before the point.")
        micros = number * _MICROS
    except decimal.InvalidOperation as error:
        raise GraphQLError("Decimal is a number, or a number as text.") from error
    if micros != micros.to_integral_value():
        raise GraphQLError("Decimal has at most six places.")
    return Decimal(int(micros))


def write_long(value: int) -> int:
    if not -_INT64 <= value < _INT64:
        raise GraphQLError("Long is an integer of 64 bits.")
    return value


def read_long(value: object) -> int:
    """Raises GraphQLError."""
    if isinstance(value, bool) or not isinstance(value, int) or not -_INT64 <= value < _INT64:
        raise GraphQLError("Long is an integer of 64 bits.")
    return Long(value)


def read_duration(value: object) -> str:
    """Text; whether it is a duration of fixed length is judged with the rule that it stands in, so
    that the answer can name the place and every other mistake too."""
    if not isinstance(value, str):
        raise GraphQLError("Duration is ISO 8601 text: P7D, PT10M.")
    return Duration(value)


def write_json(value: Any) -> Any:
    """A JSON value whose integers every client reads exactly: those beyond 2^53 become text."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return value if -EXACT <= value <= EXACT else str(value)
    if kind is float:
        return _finite(value)
    if kind is dict:
        return {str(name): write_json(inner) for name, inner in value.items()}
    if kind is list or kind is tuple:
        return [write_json(inner) for inner in value]
    raise GraphQLError("This is no JSON value.")


def _finite(value: float) -> float | str | None:
    if not math.isfinite(value):
        return None
    if value.is_integer() and abs(value) > EXACT:
        return str(int(value))
    return value


def read_json(value: Any) -> Any:
    return value


SCALARS: dict[object, Any] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description="ISO 8601, UTC, milliseconds: 2026-11-23T10:00:00.000Z",
        serialize=write_datetime,
        parse_value=read_datetime,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value. Numbers beyond 2^53 are strings.",
        serialize=write_json,
        parse_value=read_json,
    ),
    Duration: strawberry.scalar(
        name="Duration",
        description="ISO 8601 with a fixed length: P7D, P2W, PT10M, P1DT12H. Months and years are "
        "refused: they have no length. A day is 24 hours.",
        serialize=str,
        parse_value=read_duration,
    ),
    Long: strawberry.scalar(
        name="Long",
        description="64-bit integer as a JSON number (exact to 2^53).",
        serialize=write_long,
        parse_value=read_long,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="Exact decimal with at most six places; answered as a string, taken as a "
        "string or a number.",
        serialize=write_decimal,
        parse_value=read_decimal,
    ),
}
