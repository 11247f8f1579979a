"""The scores of a resolution, against looking at every pair."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.evaluation.measures import Measure, scores, scores_by
from identity.evaluation.wrong_pairs import by_greater, false_pairs, missed_pairs

CELLS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz"), st.sampled_from("123")),
    min_size=1,
    max_size=14,
)
Cells = list[tuple[str, str, str]]


def named(cells: Cells, side: int) -> dict[str, str]:
    """Element to what it is: 0 its cluster, 1 its person, 2 its kind."""
    return {str(number): cell[side] for number, cell in enumerate(cells)}


def share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0


@given(CELLS)
def test_pairwise_is_what_counting_all_pairs_gives(cells: Cells) -> None:
    found = [one[0] == other[0] for one, other in combinations(cells, 2)]
    real = [one[1] == other[1] for one, other in combinations(cells, 2)]
    hits = sum(f and r for f, r in zip(found, real, strict=True))
    evaluation = scores(named(cells, 0), named(cells, 1))
    assert evaluation.pairwise == Measure(share(hits, sum(found)), share(hits, sum(real)))
    assert evaluation.elements == len(cells)
    assert evaluation.clusters == len({cell[0] for cell in cells})
    assert evaluation.people == len({cell[1] for cell in cells})


def b_cubed(cells: Cells, kind: str | None = None) -> tuple[float, float]:
    def mean(side: int) -> float:
        parts = []
        for cell in cells:
            if kind in (None, cell[2]):
                same = [other for other in cells if other[side] == cell[side]]
                parts.append(sum(other[:2] == cell[:2] for other in same) / len(same))
        return sum(parts) / len(parts)

    return mean(0), mean(1)


@given(CELLS)
def test_b_cubed_is_the_mean_over_the_elements(cells: Cells) -> None:
    found = scores(named(cells, 0), named(cells, 1)).b_cubed
    assert (found.precision, found.recall) == pytest.approx(b_cubed(cells))


@given(CELLS)
def test_a_kind_is_measured_among_all_others(cells: Cells) -> None:
    found = scores_by(named(cells, 0), named(cells, 1), named(cells, 2))
    assert set(found) == {kind for _, _, kind in cells}
    for kind, stratum in found.items():
        claimed = real = right = 0
        for place, one in enumerate(cells):
            for other in cells[:place] + cells[place + 1 :]:
                if one[2] == kind:
                    claimed += one[0] == other[0]
                    real += one[1] == other[1]
                    right += one[:2] == other[:2]
        assert stratum.elements == sum(cell[2] == kind for cell in cells)
        assert stratum.pairwise == Measure(share(right, claimed), share(right, real))
        assert (stratum.b_cubed.precision, stratum.b_cubed.recall) == pytest.approx(
            b_cubed(cells, kind)
        )


@given(CELLS)
def test_one_kind_alone_scores_as_the_whole(cells: Cells) -> None:
    predicted, true = named(cells, 0), named(cells, 1)
    (stratum,) = scores_by(predicted, true, dict.fromkeys(predicted, "all")).values()
    whole = scores(predicted, true)
    for part, of_all in ((stratum.pairwise, whole.pairwise), (stratum.b_cubed, whole.b_cubed)):
        assert part.precision == pytest.approx(of_all.precision)
        assert part.recall == pytest.approx(of_all.recall)


@given(CELLS)
def test_exact_counts_the_true_clusters_found_as_they_are(cells: Cells) -> None:
    predicted, true = named(cells, 0), named(cells, 1)

    def clusters(names: dict[str, str]) -> set[frozenset[str]]:
        return {frozenset(t for t in names if names[t] == name) for name in names.values()}

    expected = len(clusters(predicted) & clusters(true)) / len(clusters(true))
    assert scores(predicted, true).exact == expected


@given(CELLS)
def test_wrong_pairs_are_those_that_are_wrong(cells: Cells) -> None:
    false: Counter[tuple[str, str]] = Counter()
    missed: Counter[tuple[str, str]] = Counter()
    for one, other in combinations(cells, 2):
        lesser, greater = sorted((one[2], other[2]))
        if one[0] == other[0] and one[1] != other[1]:
            false[lesser, greater] += 1
        if one[0] != other[0] and one[1] == other[1]:
            missed[lesser, greater] += 1
    sides = named(cells, 0), named(cells, 1), named(cells, 2)
    assert false_pairs(*sides) == false
    assert missed_pairs(*sides) == missed


def test_a_wrong_pair_is_laid_to_the_greater_kind() -> None:
    pairs = {("1", "1"): 3, ("1", "2"): 4, ("2", "2"): 1, ("1", "3"): 5}
    assert list(by_greater(pairs).items()) == [("2", 5), ("3", 5), ("1", 3)]


def test_nothing_right_is_zero() -> None:
    found = scores({"a": "1", "b": "1", "c": "2"}, {"a": "p", "b": "q", "c": "q"}).pairwise
    assert (found.precision, found.recall, found.f1) == (0.0, 0.0, 0.0)


def test_what_the_truth_knows_besides_does_not_count() -> None:
    true = {"a": "p", "b": "p", "elsewhere": "p"}
    assert scores({"a": "1", "b": "1"}, true).exact == 1.0
