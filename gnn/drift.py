"""How far a distribution has moved: the population stability index (PSI).

Siddiqi, "Credit Risk Scorecards" (2006): below 0.1 nothing to speak of, above 0.25 another population.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gnn.arrays import Int64s

LEAST = 200
"""With fewer observations on either side chance alone moves the index."""
FOR_A_BIN = 50
MOST_BINS = 100
SMOOTHING = 0.5
"""Added to each count, so that what was never seen is rare and not impossible."""
ANOTHER = 0.25


def psi(before: Mapping[str, int], now: Mapping[str, int]) -> float | None:
    """The PSI between two counts by name; None where either has too few.

    The names most counted before have a bin each (as many as the counts carry, at most `MOST_BINS`);
    all others have one together, also those that were not there before: of a long tail every sample
    shows other names.
    """
    least = min(sum(before.values()), sum(now.values()))
    if least < LEAST:
        return None
    known = sorted((name for name in before if before[name] > 0), key=lambda n: (-before[n], n))
    own = known[: min(MOST_BINS, least // FOR_A_BIN)]
    counts = np.array([_binned(own, before), _binned(own, now)], np.float64)
    counts += SMOOTHING
    earlier, later = counts / counts.sum(axis=1, keepdims=True)
    return float(((later - earlier) * np.log(later / earlier)).sum())


def _binned(own: list[str], of: Mapping[str, int]) -> Int64s:
    single = [of.get(name, 0) for name in own]
    return np.array([*single, sum(of.values()) - sum(single)], np.int64)
