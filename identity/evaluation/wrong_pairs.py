"""Which pairs are wrong: counted by what kinds of elements they are made of, never listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar


class Ordered(Protocol):
    """Something that can be sorted, and counted."""

    def __lt__(self, other: Any, /) -> bool: ...
    def __hash__(self) -> int: ...


Kind = TypeVar("Kind", bound=Ordered)


def false_pairs(
    predicted: Mapping[str, str], true: Mapping[str, str], kind: Mapping[str, Kind]
) -> Counter[tuple[Kind, Kind]]:
    """Pairs in one cluster that are two people's, by the kinds of both, the lesser kind first."""
    return _apart(predicted, true, kind)


def missed_pairs(
    predicted: Mapping[str, str], true: Mapping[str, str], kind: Mapping[str, Kind]
) -> Counter[tuple[Kind, Kind]]:
    """Pairs of one person that lie in two clusters, by the kinds of both, the lesser kind first."""
    return _apart({element: true[element] for element in predicted}, predicted, kind)


def by_greater(pairs: Mapping[tuple[Kind, Kind], int]) -> dict[Kind, int]:
    """Every pair under the greater of its two kinds, the most frequent first: where kinds are ordered
    by how little is known of such an element, that is where the pair goes wrong."""
    found: Counter[Kind] = Counter()
    for (_, greater), count in pairs.items():
        found[greater] += count
    return dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))


def _apart(
    together: Mapping[str, str], apart: Mapping[str, str], kind: Mapping[str, Kind]
) -> Counter[tuple[Kind, Kind]]:
    """Pairs with the same value of `together` and another of `apart`: all pairs of a group less those
    that share both. Linear in the elements, times the number of kinds that a group has."""
    groups: dict[str, Counter[Kind]] = {}
    cells: dict[tuple[str, str], Counter[Kind]] = {}
    for element, group in together.items():
        groups.setdefault(group, Counter())[kind[element]] += 1
        cells.setdefault((group, apart[element]), Counter())[kind[element]] += 1
    found = _between(groups.values())
    found.subtract(_between(cells.values()))
    return +found


def _between(groups: Iterable[Mapping[Kind, int]]) -> Counter[tuple[Kind, Kind]]:
    """Pairs within each group, by their kinds."""
    found: Counter[tuple[Kind, Kind]] = Counter()
    for counts in groups:
        kinds = sorted(counts)
        for place, one in enumerate(kinds):
            found[one, one] += counts[one] * (counts[one] - 1) // 2
            for other in kinds[place + 1 :]:
                found[one, other] += counts[one] * counts[other]
    return found
