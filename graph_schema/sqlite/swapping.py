"""Another file takes the graph's place."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from graph_schema.errors import StoreUnavailable

BUSY_MS = 10_000


def put_in_place(fresh: Path, path: Path) -> None:
    """`fresh`, closed and whole, becomes the graph at `path`, in one step for who reads meanwhile. What
    lay there is kept whole beside it, with the ending .old. No worker may run. Raises StoreUnavailable
    where somebody reads the old one for so long that it cannot be made whole."""
    _fold_wal(fresh)
    if path.exists():
        _fold_wal(path)
        old = path.with_suffix(".old")
        old.unlink(missing_ok=True)
        # By a second name: so there is no moment in which the path names nothing.
        os.link(path, old)
    fresh.replace(path)


def _fold_wal(path: Path) -> None:
    """Everything into the file itself. A -wal beside it would be taken for the fresh one's."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        try:
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.DatabaseError:
            busy = 0  # it is damaged, and so is kept as it is: the fresh one takes its place
    if busy:
        raise StoreUnavailable(store=path, reason="somebody reads it all the time")
    for ending in ("-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
