"""Whose device it is: the fold over the people that were seen on it.

A principal becomes dominant when its share of the (half-hour, principal) pairs so far reaches
`dominant_from`, and ceases to be at `dominant_until` or less. The band is folded over event time, so
the answer does not depend on arrival.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from graph_schema.model.identifier import Key
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import Micros

Pair: TypeAlias = tuple[Micros, str, int, Key]
"""(at, mid, half-hour, principal)"""


class Verdict(msgspec.Struct, frozen=True):
    """`principal` where one is dominant; `shared` where several were seen and none is."""

    principal: Key | None = None
    shared: bool = False


FREE = Verdict()
SHARED = Verdict(shared=True)


def verdict(pairs: Iterable[Pair], rules: IdentityRules) -> Verdict:
    """Folds the sightings of principals on one device. A pair counts once, at its earliest."""
    counted: set[tuple[int, Key]] = set()
    counts: dict[Key, int] = {}
    dominant: Key | None = None
    for _, _, half_hour, principal in sorted(pairs):
        if (half_hour, principal) in counted:
            continue
        counted.add((half_hour, principal))
        counts[principal] = counts.get(principal, 0) + 1
        total = len(counted)
        if dominant is not None and counts[dominant] / total <= rules.dominant_until:
            dominant = None
        if dominant is None and counts[principal] / total >= rules.dominant_from:
            dominant = principal
    if not counted:
        return FREE
    return SHARED if dominant is None else Verdict(dominant)
