"""What is recorded of a thing again and again, each time ending what was known before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

Link: TypeAlias = list[Any]


def chained(rows: Iterable[list[Any]]) -> dict[str, list[Link]]:
    """Rows (key, since, a, b), in the order in which they became so, as the links [since, a, b, until]
    of each key: `until` is the `since` of the next one, None of the last. One whose `since` is not
    behind the last one's takes its place, and its `since`.

    So the links of a key have strictly rising `since`. Appended to an older link in the same way they
    come out as the rows would have, one by one: those that do not rise above it replace it, the last
    of them staying, and the others follow.
    """
    found: dict[str, list[Link]] = {}
    for key, since, a, b in rows:
        chain = found.setdefault(key, [])
        if chain and since <= chain[-1][0]:
            chain[-1][1:3] = a, b
            continue
        if chain:
            chain[-1][3] = since
        chain.append([since, a, b, None])
    return found
