"""The scores of a resolution, against counting every pair."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.evaluate import connected_components, false_pairs, scores

PARTITIONS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz")), min_size=1, max_size=14
)


def both(cells: list[tuple[str, str]]) -> tuple[dict[str, str], dict[str, str]]:
    return (
        {str(n): predicted for n, (predicted, _) in enumerate(cells)},
        {str(n): true for n, (_, true) in enumerate(cells)},
    )


@given(PARTITIONS)
def test_pairwise_is_what_counting_all_pairs_gives(cells: list[tuple[str, str]]) -> None:
    found = [p == q for (p, _), (q, _) in combinations(cells, 2)]
    real = [s == t for (_, s), (_, t) in combinations(cells, 2)]
    hits = sum(f and r for f, r in zip(found, real, strict=True))
    pairwise = scores(*both(cells)).pairwise
    assert pairwise.precision == (hits / sum(found) if any(found) else 1.0)
    assert pairwise.recall == (hits / sum(real) if any(real) else 1.0)


@given(PARTITIONS)
def test_b_cubed_is_the_mean_over_the_things(cells: list[tuple[str, str]]) -> None:
    def mean(side: int) -> float:
        parts = []
        for cell in cells:
            same = [other for other in cells if other[side] == cell[side]]
            parts.append(sum(other == cell for other in same) / len(same))
        return sum(parts) / len(parts)

    b_cubed = scores(*both(cells)).b_cubed
    assert b_cubed.precision == pytest.approx(mean(0))
    assert b_cubed.recall == pytest.approx(mean(1))


@given(PARTITIONS)
def test_exact_counts_the_true_clusters_found_as_they_are(cells: list[tuple[str, str]]) -> None:
    predicted, true = both(cells)

    def clusters(names: dict[str, str]) -> set[frozenset[str]]:
        return {frozenset(t for t in names if names[t] == name) for name in names.values()}

    expected = len(clusters(predicted) & clusters(true)) / len(clusters(true))
    assert scores(predicted, true).exact == expected


def test_false_pairs_are_counted_by_the_kind_of_who_does_not_belong() -> None:
    predicted = dict.fromkeys("abcde", "one") | {"f": "two"}
    true = {"a": "p", "b": "p", "c": "p", "d": "q", "e": "r", "f": "p"}
    kind = dict.fromkeys("abc", "email") | {"d": "device", "e": "phone", "f": "email"}
    # d stands wrongly with a, b, c, e; e with a, b, c, d.
    assert false_pairs(predicted, true, kind) == {"device": 4, "phone": 4}


def test_nothing_right_is_zero() -> None:
    found = scores({"a": "1", "b": "1", "c": "2"}, {"a": "p", "b": "q", "c": "q"})
    assert (found.pairwise.precision, found.pairwise.recall, found.pairwise.f1) == (0.0, 0.0, 0.0)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=12))
def test_components_are_what_links_reach(pairs: list[tuple[str, str]]) -> None:
    found = connected_components(pairs)
    assert set(found) == {thing for pair in pairs for thing in pair}
    for start in found:
        reached, border = {start}, [start]
        while border:
            here = border.pop()
            near = {b for a, b in pairs if a == here} | {a for a, b in pairs if b == here}
            border.extend(near - reached)
            reached |= near
        assert {thing for thing in found if found[thing] == found[start]} == reached
