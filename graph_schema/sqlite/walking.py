"""Complete walks over the embedded store, each on a connection of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

from graph_schema import columns
from graph_schema.model.evidence import Edge, Seen
from graph_schema.model.identifier import Identifier
from graph_schema.model.item import Interaction
from graph_schema.queries import queries
from graph_schema.sqlite import rows
from graph_schema.sqlite.evidence import as_json
from graph_schema.sqlite.pool import ReaderPool
from graph_schema.walking import Dangling, Recorded, WalkedSession

T = TypeVar("T")

_DANGLING = "dangling_"


class SqliteWalking:
    """Implements `graph_schema.walking.GraphWalking`."""

    _pool: ReaderPool

    async def walk_sessions(self, chunk: int) -> AsyncIterator[list[WalkedSession]]:
        connection = self._pool.own()
        try:
            connection.execute("BEGIN")
            cursor = connection.execute(_query("walk_sessions"))
            while found := cursor.fetchmany(chunk):
                met = _interactions(connection, [row[0] for row in found])
                yield [WalkedSession(rows.session(row), tuple(met[row[0]])) for row in found]
        finally:
            connection.close()

    def walk_identifiers(self, chunk: int) -> AsyncIterator[list[Identifier]]:
        return self._walk("walk_identifiers", columns.identifier, chunk)

    def walk_edges(self, chunk: int) -> AsyncIterator[list[Edge]]:
        return self._walk("walk_edges", columns.edge, chunk)

    def walk_seen(self, chunk: int) -> AsyncIterator[list[Seen]]:
        return self._walk("walk_seen", columns.seen, chunk)

    async def recorded(self, mids: Sequence[str]) -> list[Recorded | None]:
        def read(connection: sqlite3.Connection) -> list[Recorded | None]:
            found = connection.execute(_query("recorded"), {"mids": as_json(mids)})
            by_mid = {row[0]: columns.recorded(row[1:]) for row in found}
            return [by_mid.get(mid) for mid in mids]

        return await self._pool.run(read)

    async def dangling(self, limit: int) -> list[Dangling]:
        def read(connection: sqlite3.Connection) -> list[Dangling]:
            return [
                Dangling(name.removeprefix(_DANGLING), row[0])
                for name, query in sorted(queries("graph_schema.sqlite").items())
                if name.startswith(_DANGLING)
                for row in connection.execute(query).fetchmany(limit)
            ]

        return await self._pool.run(read)

    async def _walk(
        self, name: str, value: Callable[[Any], T], chunk: int
    ) -> AsyncIterator[list[T]]:
        connection = self._pool.own()
        try:
            cursor = connection.execute(_query(name))
            while found := cursor.fetchmany(chunk):
                yield [value(row) for row in found]
        finally:
            connection.close()


def _query(name: str) -> str:
    return queries("graph_schema.sqlite")[name]


def _interactions(
    connection: sqlite3.Connection, sessions: Sequence[str]
) -> dict[str, list[Interaction]]:
    found: dict[str, list[Interaction]] = {session: [] for session in sessions}
    query = _query("interactions_of_sessions")
    for session, *met in connection.execute(query, {"sessions": as_json(sessions)}):
        found[session].append(Interaction(*met))
    return found
