"""How well elements (sessions, events, identifiers) were put together, against the truth.

All measures come from the contingency table of predicted clusters and true people; pairs are counted,
never listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec


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

    pairwise: Measure
    b_cubed: Measure
    exact: float


def scores(predicted: Mapping[str, str], true: Mapping[str, str]) -> Evaluation:
    """Pairwise precision and recall; B-cubed (Bagga and Baldwin, 1998); exact clusters. Both map an
    element to its cluster and must have the same elements."""
    both = Counter((predicted[element], true[element]) for element in predicted)
    clusters = Counter(predicted.values())
    people = Counter(true[element] for element in predicted)
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
    return Evaluation(pairwise, b_cubed, _share(whole, len(people)))


def false_pairs(
    predicted: Mapping[str, str], true: Mapping[str, str], kind: Mapping[str, str]
) -> dict[str, int]:
    """How many pairs of two people lie in one cluster, by the kinds of the cluster's elements that do
    not belong to its largest person."""
    members: dict[str, list[str]] = {}
    for element, cluster in predicted.items():
        members.setdefault(cluster, []).append(element)
    found: Counter[str] = Counter()
    for elements in members.values():
        counts = Counter(true[element] for element in elements)
        largest = max(counts, key=lambda person: (counts[person], person))
        for element in elements:
            if true[element] != largest:
                found[kind[element]] += len(elements) - counts[true[element]]
    return dict(found)


def connected_components(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The baseline that joins whatever was ever seen together: element to its component."""
    parent: dict[str, str] = {}

    def root(element: str) -> str:
        parent.setdefault(element, element)
        while parent[element] != element:
            parent[element] = parent[parent[element]]
            element = parent[element]
        return element

    for one, other in pairs:
        parent[root(one)] = root(other)
    return {element: root(element) for element in list(parent)}


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0
