"""What is popular in a segment: shares of its own touches, and nothing of a few people."""

from __future__ import annotations

import numpy as np
import pytest

from gnn.dataset import Dataset
from gnn.segments import LEAST_PEOPLE, SegmentPopularity, by_segment, nothing
from gnn.weights import BehaviourWeights
from graph_schema.store import ProfileInteraction

WEIGHTS = BehaviourWeights()


def dataset() -> Dataset:
    """Forty people: those with an even number touch i0 and i1, the others i2."""
    return Dataset.from_rows(
        ProfileInteraction(f"u{user:02}", f"i{item}", 1, 0, item, 5, 5)
        for user in range(40)
        for item in ((0, 1) if user % 2 == 0 else (2,))
    )


def test_a_segments_shares_are_those_of_its_members_touches() -> None:
    even = np.arange(40) % 2 == 0
    found = by_segment(dataset(), {"odd": ~even, "even": even}, WEIGHTS)
    assert found.keys == ("even", "odd")
    of_all = np.full(3, 1 / 3, np.float32)
    scores = found.of(["even"], of_all)
    assert scores is not None
    assert scores[1] > scores[0] > 100 * scores[2] > 0
    assert scores.sum() == pytest.approx(1.001, rel=1e-5)
    both = found.of(["even", "odd", "unheard"], of_all)
    assert both is not None
    assert both[2] == pytest.approx(0.5, rel=1e-3)
    assert found.of(["unheard"], of_all) is None


def test_a_segment_of_few_says_nothing() -> None:
    few = np.arange(40) < LEAST_PEOPLE - 1
    enough = np.arange(40) < LEAST_PEOPLE
    found = by_segment(dataset(), {"few": few, "enough": enough, "none": few & False}, WEIGHTS)
    assert found.keys == ("enough",)
    assert by_segment(dataset(), {"few": few}, WEIGHTS).keys == ()


@pytest.mark.parametrize(
    ("keys", "starts", "items", "shares"),
    [
        (("a",), [0], [], []),
        (("a",), [0, 2], [1], [0.5]),
        (("a",), [1, 1], [1], [0.5]),
        (("a", "b"), [0, 1, 0], [1], [0.5]),
        (("a",), [0, 1], [3], [0.5]),
        (("a",), [0, 1], [-1], [0.5]),
        (("a",), [0, 1], [1], [0.5, 0.5]),
        (("a",), [0, 1], [1], [np.nan]),
    ],
)
def test_arrays_that_do_not_fit_are_found(
    keys: tuple[str, ...], starts: list[int], items: list[int], shares: list[float]
) -> None:
    read = SegmentPopularity(
        keys,
        np.array(starts, np.int64),
        np.array(items, np.int32),
        np.array(shares, np.float32),
    )
    assert read.fault(3) is not None


def test_sound_arrays_have_no_fault() -> None:
    assert nothing().fault(3) is None
    even = np.arange(40) % 2 == 0
    assert by_segment(dataset(), {"even": even}, WEIGHTS).fault(3) is None
