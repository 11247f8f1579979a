"""What became of a recommender since it was trained; kept beside the artifacts, as it was measured."""

from __future__ import annotations

import re

import msgspec

from gnn.arrays import Micros
from gnn.drift import ANOTHER

_REQUEST = re.compile(r"r_([0-9a-f]{16})([pf])[0-9a-f]{20}")


class ClickThrough(msgspec.Struct, frozen=True, kw_only=True):
    """Of the answers of one version (its id) those `shown` and those `clicked`; `personal`, or what
    is popular because nothing was known."""

    version: str
    personal: bool
    shown: int
    clicked: int


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Measured `at`, of the version in service. `without_known_item`: of all `profiles`, those of whom
    the version knows no item. `interactions` since it was trained. Shifts are PSI between the four
    weeks before its data ends and what came since; None where there is too little."""

    version: str
    at: Micros
    profiles: int
    without_known_item: int
    interactions: int
    item_shift: float | None
    event_shift: float | None
    clicks: tuple[ClickThrough, ...]

    def drift(self) -> str | None:
        """Why it should be trained again, None where nothing says so."""
        for what, shift in (("items", self.item_shift), ("events", self.event_shift)):
            if shift is not None and shift > ANOTHER:
                return f"the {what} are others than in training (PSI {shift:.2f} > {ANOTHER})"
        return None


def request_id(version: str, *, personal: bool, drawn: str) -> str:
    """The id of an answer, which its click sends back: it tells which version answered, and whether
    personally. `drawn`: 20 hexadecimal digits that were never drawn before."""
    return f"{version}{'p' if personal else 'f'}{drawn}"


def answered_by(request: object) -> tuple[str, bool] | None:
    """(version, personal) of an answer's id; None where it is none."""
    found = _REQUEST.fullmatch(request) if isinstance(request, str) else None
    return None if found is None else (f"r_{found[1]}", found[2] == "p")
