"""Complete walks over a graph, in bounded memory: what `cdp check` reads, and whoever copies a graph."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from graph_schema.model.event import Event
from graph_schema.model.evidence import Edge, Seen
from graph_schema.model.identifier import Identifier, Key
from graph_schema.model.item import Interaction
from graph_schema.model.session import Session
from graph_schema.model.time import Micros


class WalkedSession(msgspec.Struct, frozen=True):
    """A session as it is kept, with the items that it met."""

    session: Session
    interactions: tuple[Interaction, ...]


class Recorded(msgspec.Struct, frozen=True):
    """An event with all that is kept beside it, as `graph_schema.store.NewEvent` gave it."""

    event: Event
    partition: int
    position: int
    rec: Micros
    device: Key | None
    user: Key | None
    session: str
    digest: bytes


class Dangling(msgspec.Struct, frozen=True):
    """Something that refers to what is not there. `kind`: session, event, identifier, profile, member,
    interaction, edge; `id` names it and holds no value of an identifier."""

    kind: str
    id: str


class GraphWalking(Protocol):
    """Every walk is complete, and holds one chunk in memory (at most `chunk` values). Several of them
    are consistent with each other only while nobody writes. Each is one consistent reading where the
    store keeps what was there before (SQLite); Neo4j does not, and shows each thing as it is when the
    walk comes to it."""

    def walk_sessions(self, chunk: int) -> AsyncIterator[list[WalkedSession]]:
        """Device by device, those of a device by (ended at, id of the last event). In which order the
        devices come is the store's own affair."""
        ...

    def walk_identifiers(self, chunk: int) -> AsyncIterator[list[Identifier]]:
        """In any order."""
        ...

    def walk_edges(self, chunk: int) -> AsyncIterator[list[Edge]]:
        """In any order."""
        ...

    def walk_seen(self, chunk: int) -> AsyncIterator[list[Seen]]:
        """Every fact that was appended, also those for which an earlier one came later; in any order."""
        ...

    async def recorded(self, mids: Sequence[str]) -> list[Recorded | None]:
        """The events with those message ids, also those whose session is not there."""
        ...

    async def dangling(self, limit: int) -> list[Dangling]:
        """What refers to something that is not there: at most `limit` of each kind."""
        ...
