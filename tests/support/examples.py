"""How many examples the randomised suites run on a kind of store, and how long they took.

CDP_TEST_EXAMPLES multiplies them, for a long look: CDP_TEST_EXAMPLES=20 runs twenty times as many.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from stores import Kind

FACTOR = int(os.environ.get("CDP_TEST_EXAMPLES", "1"))
_took_s: dict[str, list[float]] = {}


def how_many(count: int, kind: Kind) -> int:
    """Of `count` examples on the embedded store, those on this one."""
    return max(1, count * FACTOR // kind.thinning)


def numbers(suite: str, kind: Kind, count: int = 10) -> Iterator[int]:
    """The numbers of one test's examples, spread over `count`; each is timed until the next."""
    for number in range(0, count * FACTOR, kind.thinning):
        with timed(suite, kind):
            yield number


@contextmanager
def timed(suite: str, kind: Kind) -> Iterator[None]:
    started = time.perf_counter()
    yield
    _took_s.setdefault(f"{suite} [{kind.name}]", []).append(time.perf_counter() - started)


def told() -> list[str]:
    """A line for each suite that ran."""
    return [
        f"{suite}: {len(times)} examples, {sum(times) / len(times):.2f} s each"
        for suite, times in sorted(_took_s.items())
    ]
