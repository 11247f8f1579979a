"""Complete walks over Neo4j: streamed, each one statement. Neo4j reads what is committed at that
moment, so while a worker writes a walk is no picture of one moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

from graph_schema import columns
from graph_schema.model.evidence import Edge, Seen
from graph_schema.model.identifier import Identifier
from graph_schema.model.item import Interaction
from graph_schema.neo4j import rows
from graph_schema.neo4j.statements import Single
from graph_schema.queries import queries
from graph_schema.walking import Dangling, Recorded, WalkedSession

T = TypeVar("T")

_DANGLING = "dangling_"


class Neo4jWalking:
    """Implements `graph_schema.walking.GraphWalking`."""

    @property
    def _single(self) -> Single:
        raise NotImplementedError

    async def walk_sessions(self, chunk: int) -> AsyncIterator[list[WalkedSession]]:
        async for part in self._single.stream("walk_sessions", chunk):
            yield [
                WalkedSession(rows.session(row), tuple(Interaction(*met) for met in row[-1]))
                for row in part
            ]

    def walk_identifiers(self, chunk: int) -> AsyncIterator[list[Identifier]]:
        return self._walk("walk_identifiers", columns.identifier, chunk)

    def walk_edges(self, chunk: int) -> AsyncIterator[list[Edge]]:
        return self._walk("walk_edges", columns.edge, chunk)

    def walk_seen(self, chunk: int) -> AsyncIterator[list[Seen]]:
        return self._walk("walk_seen", columns.seen, chunk)

    async def recorded(self, mids: Sequence[str]) -> list[Recorded | None]:
        found = await self._single.rows("recorded", mids=list(dict.fromkeys(mids)))
        by_mid = {row[0]: columns.recorded(row[1:]) for row in found}
        return [by_mid.get(mid) for mid in mids]

    async def dangling(self, limit: int) -> list[Dangling]:
        return [
            Dangling(name.removeprefix(_DANGLING), row[0])
            for name in sorted(queries("graph_schema.neo4j", ".cypher"))
            if name.startswith(_DANGLING)
            for row in await self._single.rows(name, limit=limit)
        ]

    async def _walk(
        self, name: str, value: Callable[[list[Any]], T], chunk: int
    ) -> AsyncIterator[list[T]]:
        async for part in self._single.stream(name, chunk):
            yield [value(row) for row in part if None not in row[:3]]
