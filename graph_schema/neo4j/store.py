"""The graph store on a Neo4j server: any number of workers, each with its partitions, and of readers."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from neo4j import AsyncDriver

from graph_schema import columns
from graph_schema.errors import Fenced, StoreConflict, StoreUnavailable, WrongLog
from graph_schema.model.evidence import Waiting
from graph_schema.model.time import Micros
from graph_schema.neo4j import connection, migrating
from graph_schema.neo4j.address import Address
from graph_schema.neo4j.batch import Neo4jBatch
from graph_schema.neo4j.failures import translated
from graph_schema.neo4j.flat import FlatNames
from graph_schema.neo4j.history import Neo4jHistory
from graph_schema.neo4j.knowledge import Neo4jKnowledge
from graph_schema.neo4j.reading import Neo4jReading
from graph_schema.neo4j.statements import Single, Transacted
from graph_schema.neo4j.walking import Neo4jWalking
from graph_schema.store import Batch, Checkpoint

BATCH_S = 120.0
"""A worker that hangs holds others up no longer than this: then the server ends its transaction."""


EMPTY_AT_ONCE = 5_000


class Neo4jGraphStore(Neo4jReading, Neo4jKnowledge, Neo4jHistory, Neo4jWalking):
    """Implements `graph_schema.store.GraphStore`.

    `fingerprint` is that of the hash key. `strict`: what the server has to say against a statement
    becomes a warning of Python; for tests.
    """

    def __init__(self, address: Address, fingerprint: str, *, strict: bool = False) -> None:
        self._address = address
        self._fingerprint = fingerprint
        self._strict = strict
        self._driver: AsyncDriver | None = None
        self._names = FlatNames()
        self._token = uuid.uuid4().hex
        self._wider: dict[int, set[str]] = {}

    async def open(self) -> None:
        driver = connection.driver(self._address, strict=self._strict)
        try:
            await connection.check_server(driver, self._address)
            await migrating.migrate(driver, self._address, self._fingerprint)
            known = await Single(driver, self._address).rows("property_names")
        except BaseException:
            await driver.close()
            raise
        self._names = FlatNames(row[0] for row in known)
        self._driver = driver

    async def close(self) -> None:
        driver, self._driver = self._driver, None
        if driver is not None:
            await driver.close()

    async def empty(self) -> None:
        """Takes away the whole graph, some nodes at a time; the schema stays. No worker may run."""
        while (await self._single.rows("take_away", limit=EMPTY_AT_ONCE))[0][0]:
            pass
        await self._single.rows("know_always")

    async def checkpoint(self, partition: int, log: str) -> Checkpoint:
        known = {checkpoint.partition: checkpoint for checkpoint in await self.checkpoints()}
        for other in known.values():
            if other.log != log:
                raise WrongLog(expected=other.log, found=log)
        if partition in known:
            return known[partition]
        made = await self._single.rows("make_checkpoint", partition=partition, log=log)
        return columns.checkpoint(made[0])

    @asynccontextmanager
    async def batch(self, expected: Checkpoint) -> AsyncIterator[Batch]:
        """Where the batch meets another worker's, its profiles are remembered: the next try for this
        partition locks them all at once, in order."""
        partition = expected.partition
        known = self._wider.pop(partition, set())
        met: set[str] = set(known)
        try:
            async with self._transaction() as run:
                found = await run.rows("lock_checkpoint", token=self._token, **_identity(expected))
                if not found:
                    raise Fenced(partition=partition)
                batch = Neo4jBatch(
                    run, columns.checkpoint(found[0]), self._names, wider=known, locked=met.update
                )
                yield batch
                await batch.flush()
        except StoreConflict:
            self._wider[partition] = met
            raise

    @property
    def several_writers(self) -> bool:
        return True

    async def hold(self, expected: Checkpoint, owner: str, until: Micros) -> Checkpoint:
        async with self._transaction() as run:
            found = await run.rows(
                "hold",
                partition=expected.partition, log=expected.log, expected=expected.owner,
                owner=owner, until=until, token=self._token,
            )  # fmt: skip
            if not found:
                raise Fenced(partition=expected.partition)
        return columns.checkpoint(found[0])

    async def due(self, now: Micros, limit: int) -> list[str]:
        return [row[0] for row in await self._single.rows("due", now=now, limit=limit)]

    async def next_deadline(self) -> Micros | None:
        found = await self._single.rows("next_deadline")
        return found[0][0] if found else None

    async def waiting(self, limit: int) -> list[Waiting]:
        return [Waiting(*row) for row in await self._single.rows("waiting", limit=limit)]

    async def profile_ids_after(self, after: str, limit: int) -> list[str]:
        found = await self._single.rows("profile_ids_after", after=after, limit=limit)
        return [row[0] for row in found]

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transacted]:
        """Committed at the end of the block, rolled back by an error in it."""
        driver = self._connected
        # All of it is translated: closing, too, fails where the connection is lost.
        with translated(self._address):
            async with driver.session(database=self._address.database, fetch_size=-1) as session:
                transaction = await session.begin_transaction(timeout=BATCH_S)
                try:
                    yield Transacted(transaction, self._address)
                    await transaction.commit()
                finally:
                    # Rolls back what is not committed.
                    await transaction.close()

    @property
    def _single(self) -> Single:
        return Single(self._connected, self._address)

    @property
    def _connected(self) -> AsyncDriver:
        if self._driver is None:
            raise StoreUnavailable(store=self._address.shown, reason="it is not open")
        return self._driver


def _identity(expected: Checkpoint) -> dict[str, Any]:
    """What must be as expected: all but how long the partition is held."""
    known: dict[str, Any] = msgspec.structs.asdict(expected)
    del known["until"]
    return known
