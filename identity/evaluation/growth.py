"""How large profiles are as time goes on, by the rule over what was known at each moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from graph_schema.model.evidence import Decision
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import Micros
from identity.evaluation.methods import by_rule
from identity.evaluation.subjects import Evidence


class Sizes(msgspec.Struct, frozen=True):
    """Identifiers in a profile, over all profiles that were there at the moment."""

    at: Micros
    profiles: int
    mean: float
    median: int
    ninety: int
    """Nine of ten profiles have so many or fewer."""
    largest: int


def sizes_over_time(
    evidence: Evidence,
    rules: IdentityRules,
    steps: int = 12,
    decisions: Sequence[Decision] = (),
) -> Iterator[Sizes]:
    """At so many moments, evenly between the first and the last sighting, the last one included."""
    times = [sight.at for sight in evidence.sighted] + [fact.at for fact in evidence.facts]
    if not times:
        return
    first, last = min(times), max(times)
    for step in range(1, steps + 1):
        at = first + (last - first) * step // steps
        yield sizes_of(at, by_rule(evidence.until(at), rules, decisions).values())


def sizes_of(at: Micros, clusters: Iterable[str]) -> Sizes:
    """From the cluster of each identifier; there must be one."""
    sizes = sorted(Counter(clusters).values())
    count = len(sizes)
    return Sizes(
        at, count, sum(sizes) / count, sizes[(count - 1) // 2], sizes[(count - 1) * 9 // 10],
        sizes[-1],
    )  # fmt: skip
