"""ISO 8601 durations of a fixed length: P7D, P2W, PT10M, P1DT12H."""

from __future__ import annotations

import re

from graph_schema.model.time import DAY, HOUR, MINUTE, SECOND, Micros

_DURATION = re.compile(
    r"(?P<back>-)?P(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,10})S)?)?",
    re.ASCII,
)
_UNITS = {"weeks": 7 * DAY, "days": DAY, "hours": HOUR, "minutes": MINUTE, "seconds": SECOND}
_LONGEST = 36_500 * DAY


def parse_duration(text: str) -> Micros:
    """Raises ValueError with a sentence. Months and years are refused: they have no length."""
    match = _DURATION.fullmatch(text)
    if match is None:
        if re.match(r"-?P(?:\d+W)?\d+[YM]", text):
            raise ValueError("months and years have no fixed length: give days or weeks")
        raise ValueError("it must be an ISO 8601 duration such as P7D, P2W, PT10M or P1DT12H")
    total = sum(int(match[name] or 0) * unit for name, unit in _UNITS.items())
    if not 0 < total <= _LONGEST:
        raise ValueError("it must be longer than nothing and no longer than 100 years")
    return -total if match["back"] else total


def format_duration(duration: Micros) -> str:
    """The canonical spelling of a positive duration in whole seconds."""
    days, rest = divmod(duration, DAY)
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    clock = "".join(
        f"{count}{unit}"
        for count, unit in ((hours, "H"), (minutes, "M"), (rest // SECOND, "S"))
        if count
    )
    return f"P{f'{days}D' if days else ''}{f'T{clock}' if clock else ''}"
