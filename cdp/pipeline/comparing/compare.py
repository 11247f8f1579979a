"""Two stores side by side, in a file of its own: the stores walk in orders of their own."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import msgspec

from cdp.eventlog.protocol import EventLog
from cdp.pipeline.comparing.things import KINDS, Reader, Thing
from graph_schema.errors import StoreCorrupt
from graph_schema.model.profile import ProfileIds
from graph_schema.queries import queries
from graph_schema.store import GraphStore

EXAMPLES = 3
SIDES = ("source", "target")
Progress = Callable[[float], None]


class Compared(msgspec.Struct, frozen=True):
    """How many things of a kind either side has, how many are not the same in both, and some of these:
    an id and what is wrong with it."""

    kind: str
    source: int
    target: int
    differ: int
    examples: tuple[str, ...]


async def compare(
    log: EventLog,
    source: GraphStore,
    target: GraphStore,
    ids: ProfileIds,
    scratch: Path,
    progress: Progress = lambda share: None,
) -> list[Compared]:
    """One answer for each kind. `scratch`: a file that is not there yet; whoever calls deletes it.
    Nobody may write meanwhile. Raises StoreError where one cannot be read; StoreCorrupt, which names
    the side, where it holds what cannot be decoded."""
    table = Table(scratch)
    try:
        for number, store in enumerate((source, target)):
            totals = await store.totals()
            expected = totals.events + totals.sessions + 2 * totals.identifiers + totals.profiles
            taken = 0
            async for chunk in _things(SIDES[number], Reader(log, store, ids)):
                table.put(SIDES[number], chunk)
                taken += len(chunk)
                progress((number + min(1.0, taken / max(1, expected))) / 2)
        return table.compared()
    finally:
        table.close()


async def _things(side: str, reader: Reader) -> AsyncIterator[list[Thing]]:
    try:
        async for chunk in reader.things():
            yield chunk
    except msgspec.DecodeError as error:
        # Its text may hold what the graph holds.
        reason = "it holds something that this product has not written"
        raise StoreCorrupt(path=f"The {side} of the comparison", reason=reason) from error


class Table:
    """What either side says of each thing."""

    def __init__(self, path: Path) -> None:
        self._queries = queries("cdp.pipeline.comparing")
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -32768"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(self._queries["make_table"])
        self._connection.execute("BEGIN")

    def close(self) -> None:
        self._connection.close()

    def put(self, side: str, things: Iterable[Thing]) -> None:
        rows = ((thing.kind, thing.id, thing.content) for thing in things)
        self._connection.executemany(self._queries[f"put_{side}"], rows)

    def compared(self) -> list[Compared]:
        found = {row[0]: row[1:] for row in self._connection.execute(self._queries["counts"])}
        return [self._of(kind, *found.get(kind, (0, 0, 0))) for kind in KINDS]

    def _of(self, kind: str, source: int, target: int, differ: int) -> Compared:
        rows = (
            self._connection.execute(self._queries["examples"], (kind, EXAMPLES)) if differ else ()
        )
        examples = tuple(f"{id_} {_said(bool(no), bool(nor))}" for id_, no, nor in rows)
        return Compared(kind, source, target, differ, examples)


def _said(not_in_source: bool, not_in_target: bool) -> str:
    if not_in_target:
        return "is not in the target"
    return "is in the target only" if not_in_source else "is another in the target"
