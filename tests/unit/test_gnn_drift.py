"""PSI: nothing where nothing moved, the textbook's value, and no word where there is too little."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gnn.drift import ANOTHER, LEAST, psi
from gnn.watch import Watch, answered_by, request_id


def test_it_is_the_sum_over_bins_of_the_difference_times_the_log_of_the_ratio() -> None:
    before, now = {"a": 60_000, "b": 40_000}, {"a": 40_000, "b": 60_000}
    assert psi(before, before) == 0.0
    expected = 2 * 0.2 * math.log(0.6 / 0.4)
    assert psi(before, now) == pytest.approx(expected, rel=1e-3)
    assert psi(now, before) == pytest.approx(expected, rel=1e-3)


def test_what_is_new_counts_as_one() -> None:
    before = {"a": 1_000}
    one = psi(before, {"a": 500, "new": 500})
    many = psi(before, {"a": 500, **{f"new{n}": 1 for n in range(500)}})
    assert one == many
    assert one is not None
    assert one > ANOTHER


def test_two_samples_of_one_distribution_lie_below_the_limit() -> None:
    """Also of many names, each with few observations."""
    rng = np.random.default_rng(2)
    shares = 1.0 / np.arange(1, 5_001)
    shares /= shares.sum()
    for size in (LEAST, 3_000, 30_000):
        samples = [
            {str(n): int(c) for n, c in enumerate(rng.multinomial(size, shares)) if c}
            for _ in range(2)
        ]
        found = psi(*samples)
        assert found is not None
        assert found < ANOTHER / 2


def test_of_too_little_nothing_is_said() -> None:
    enough = {"a": LEAST}
    assert psi(enough, enough) == 0.0
    assert psi(enough, {"a": LEAST - 1}) is None
    assert psi({}, enough) is None
    assert psi({}, {}) is None


@pytest.mark.parametrize(("items", "events", "why"), [
    (0.1, None, None), (None, None, None), (0.3, 0.1, "items"), (0.1, 0.3, "events"),
])  # fmt: skip
def test_what_moved_is_named(items: float | None, events: float | None, why: str | None) -> None:
    watch = Watch(
        version="r_1", at=1, profiles=1, without_known_item=0, interactions=9,
        item_shift=items, event_shift=events, clicks=(),
    )  # fmt: skip
    drift = watch.drift()
    assert drift is None if why is None else drift is not None and f"the {why} are" in drift


def test_an_answers_id_tells_who_answered() -> None:
    version = "r_" + "0123456789abcdef"
    for personal in (True, False):
        id_ = request_id(version, personal=personal, drawn="ab" * 10)
        assert answered_by(id_) == (version, personal)
    for other in ("r_" + "a" * 32, "", None, 7, id_ + "0", id_.upper(), ["x"]):
        assert answered_by(other) is None
