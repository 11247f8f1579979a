"""Running named statements, in a worker's transaction or each on its own."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

from neo4j import AsyncDriver, AsyncResult, AsyncTransaction

from graph_schema.errors import StoreConflict
from graph_schema.neo4j.address import Address
from graph_schema.neo4j.failures import translated
from graph_schema.queries import queries

T = TypeVar("T")

CHUNK: Final = 2_000
"""So many rows a statement takes at once: what a statement holds in memory is bounded."""
RETRY_S: Final = 5.0


def text_of(name: str) -> str:
    """A named statement. The files hold parameters only, so what is in them is what is run."""
    return queries("graph_schema.neo4j", ".cypher")[name]


def chunks(values: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


async def rows_of(result: AsyncResult) -> list[list[Any]]:
    """What a statement answers. One that can answer many rows puts them into one record, as a list that
    is named `rows`: each record costs the driver a tenth of a millisecond and more."""
    found = await result.values()
    return found[0][0] if list(result.keys()) == ["rows"] else found


class Transacted:
    """Statements of one open transaction."""

    def __init__(self, transaction: AsyncTransaction, address: Address) -> None:
        self._transaction = transaction
        self._address = address

    async def rows(self, name: str, **parameters: object) -> list[list[Any]]:
        with translated(self._address):
            result = await self._transaction.run(text_of(name), parameters)
            return await rows_of(result)

    async def each(self, name: str, parameter: str, values: Sequence[Any]) -> list[list[Any]]:
        """Runs it over a list, a part at a time; nothing where the list is empty."""
        found: list[list[Any]] = []
        for part in chunks(values):
            found += await self.rows(name, **{parameter: part})
        return found


class Single:
    """Statements that stand alone, one round trip each. What fails for a passing reason is tried
    again for `RETRY_S`; a server that is away is not waited for."""

    def __init__(self, driver: AsyncDriver, address: Address) -> None:
        self._driver = driver
        self._address = address

    async def rows(self, name: str, **parameters: object) -> list[list[Any]]:
        until = time.monotonic() + RETRY_S
        while True:
            try:
                return await self._once(name, parameters)
            except StoreConflict:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(random.uniform(0.01, 0.05))

    async def each(self, name: str, parameter: str, values: Sequence[Any]) -> list[list[Any]]:
        """As one statement, however long the list is; nothing where it is empty."""
        return await self.rows(name, **{parameter: list(values)}) if values else []

    async def stream(self, name: str, chunk: int) -> Any:
        """The rows in chunks, as the server reads them."""
        with translated(self._address):
            async with self._driver.session(
                database=self._address.database, fetch_size=chunk, default_access_mode="READ"
            ) as session:
                result = await session.run(text_of(name))
                while found := await result.fetch(chunk):
                    yield [record.values() for record in found]

    async def _once(self, name: str, parameters: dict[str, object]) -> list[list[Any]]:
        with translated(self._address):
            async with self._driver.session(
                database=self._address.database, fetch_size=-1
            ) as session:
                result = await session.run(text_of(name), parameters)
                return await rows_of(result)
