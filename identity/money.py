"""Amounts, exactly: JSON numbers and decimal texts to int64 micros; currencies to ISO 4217 codes."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

MOST: Final = (1 << 63) - 1
_DECIMAL = re.compile(r"[-+]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][-+]?[0-9]{1,3})?")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_EXACT = Context(prec=120, rounding=ROUND_HALF_EVEN)


def micros(value: Any) -> int | None:
    """An amount in int64 micros; None where it is no number or does not fit.

    It goes through the decimal text: of a float the shortest one that reads as that float, which is
    what the sender wrote; so nothing is ever rounded through binary. Beyond six places it is rounded
    half to even.
    """
    if isinstance(value, int):
        return None if isinstance(value, bool) else _fitting(value * 1_000_000)
    if isinstance(value, float):
        text = repr(value)
    elif isinstance(value, str):
        text = value.strip()
    else:
        return None
    if _DECIMAL.fullmatch(text) is None:
        return None
    scaled = Decimal(text).scaleb(6, _EXACT)
    if abs(scaled) > MOST:
        return None
    return _fitting(int(scaled.to_integral_value(ROUND_HALF_EVEN, _EXACT)))


def currency(value: Any) -> str | None:
    """A three-letter code in upper case; None where there is none."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    return text.upper() if _CURRENCY.fullmatch(text) else None


def _fitting(amount: int) -> int | None:
    return amount if -MOST <= amount <= MOST else None
