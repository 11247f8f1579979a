"""The lists that the statement `write` takes, filled one by one and cut into statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from graph_schema.neo4j.statements import CHUNK, chunks

NAMES: Final = (
    "profiles_made", "identifiers_made", "sessions_made", "items_made", "segments_made",
    "identifiers_new", "identifiers_kept", "identifiers_put",
    "assigned_new", "assigned_put", "sightings_new", "sightings_put",
    "sessions_kept", "sessions_put", "events", "events_moved", "interactions_gone", "sessions_gone",
    "items_new", "items_put", "interactions", "about",
    "seen", "decisions", "decisions_withdrawn", "edges", "edges_gone", "waiting", "resolved",
    "profiles_gone", "profiles",
    "segments", "segment_versions", "members_closed", "members_opened", "deadlines",
    "outcomes", "dead_revived", "dead_records", "changes", "change_profiles", "checkpoints",
)  # fmt: skip
"""In the order in which the statement takes them."""


_TAIL: Final = frozenset({
    "profiles", "segments_made", "members_closed", "members_opened", "deadlines", "outcomes",
    "dead_records", "changes", "change_profiles",
})  # fmt: skip
"""What may come later in a statement that has been put together without it."""
_ONLY_ONCE: Final = frozenset({
    "segments", "members_closed", "members_opened", "deadlines"
})  # fmt: skip
"""What is not the same where two of them are put together: one closes what the other opened."""


class Parts:
    """Lists by name."""

    def __init__(self) -> None:
        self._lists: dict[str, list[Any]] = {}

    def add(self, name: str, row: Any) -> None:
        self._lists.setdefault(name, []).append(row)

    def extend(self, name: str, rows: Iterable[Any]) -> None:
        found = list(rows)
        if found:
            self._lists.setdefault(name, []).extend(found)

    def holds(self, names: Iterable[str]) -> bool:
        return any(name in self._lists for name in names)

    def takes(self, later: Parts) -> bool:
        """Whether what comes later may go into the same statement, and the outcome be the same."""
        if not self._lists:
            return True
        names = later._lists.keys()
        once = self._lists.keys() & _ONLY_ONCE and names & {*_ONLY_ONCE, "profiles"}
        return names <= _TAIL and not once

    def join(self, later: Parts) -> None:
        for name, rows in later._lists.items():
            self._lists.setdefault(name, []).extend(rows)

    def statements(self) -> Iterator[dict[str, list[Any]]]:
        """The parameters of each statement: one, unless there is very much to write, or none."""
        lists = self._lists
        if lists and all(len(rows) <= CHUNK for rows in lists.values()):
            yield {name: lists.get(name, []) for name in NAMES}
            return
        for name in NAMES:
            for part in chunks(lists.get(name, [])):
                yield {other: list(part) if other == name else [] for other in NAMES}
