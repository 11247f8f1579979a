"""How well elements (sessions, events, identifiers) were put together, against the truth.

All measures come from the contingency table of predicted clusters and true people; pairs are counted,
never listed. Everything is linear in the elements.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import TypeVar

import msgspec

Kind = TypeVar("Kind", bound=Hashable)


class Measure(msgspec.Struct, frozen=True):
    """Fractions of 1; 1 where there was nothing to be wrong about."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


class Evaluation(msgspec.Struct, frozen=True):
    """`exact`: the share of true people whose elements are one cluster, and nobody else's."""

    elements: int
    people: int
    clusters: int
    pairwise: Measure
    b_cubed: Measure
    exact: float


class Stratum(msgspec.Struct, frozen=True):
    """Elements of one kind among all others. `pairwise`: of the elements that lie, or should lie, with
    one of this kind. `b_cubed`: the means over the elements of this kind."""

    elements: int
    pairwise: Measure
    b_cubed: Measure


def scores(predicted: Mapping[str, str], true: Mapping[str, str]) -> Evaluation:
    """Pairwise precision and recall; B-cubed (Bagga and Baldwin, 1998); exact clusters. Both map an
    element to its cluster; `true` may know of more elements, which do not count."""
    both, clusters, people = _contingency(predicted, true)
    together = sum(map(_pairs, both.values()))
    pairwise = Measure(
        _share(together, sum(map(_pairs, clusters.values()))),
        _share(together, sum(map(_pairs, people.values()))),
    )
    total = len(predicted)
    b_cubed = Measure(
        _share(sum(n * n / clusters[cluster] for (cluster, _), n in both.items()), total),
        _share(sum(n * n / people[person] for (_, person), n in both.items()), total),
    )
    whole = sum(n == clusters[cluster] == people[person] for (cluster, person), n in both.items())
    return Evaluation(
        total, len(people), len(clusters), pairwise, b_cubed, _share(whole, len(people))
    )


def scores_by(
    predicted: Mapping[str, str], true: Mapping[str, str], kind: Mapping[str, Kind]
) -> dict[Kind, Stratum]:
    """The same for the elements of each kind: each beside all others, of whatever kind."""
    both, clusters, people = _contingency(predicted, true)
    cells = Counter((kind[element], predicted[element], true[element]) for element in predicted)
    sums: dict[Kind, list[float]] = {}
    for (of, cluster, person), n in cells.items():
        right, with_it, of_it = both[cluster, person], clusters[cluster], people[person]
        row = sums.setdefault(of, [0.0] * 6)
        for place, value in enumerate(
            (1, right - 1, with_it - 1, of_it - 1, right / with_it, right / of_it)
        ):
            row[place] += n * value
    return {
        of: Stratum(
            int(elements),
            Measure(_share(right, claimed), _share(right, real)),
            Measure(_share(b_precision, elements), _share(b_recall, elements)),
        )
        for of, (elements, right, claimed, real, b_precision, b_recall) in sums.items()
    }


def _contingency(
    predicted: Mapping[str, str], true: Mapping[str, str]
) -> tuple[Counter[tuple[str, str]], Counter[str], Counter[str]]:
    both = Counter((predicted[element], true[element]) for element in predicted)
    return both, Counter(predicted.values()), Counter(true[element] for element in predicted)


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0
