"""Server and workers may be started together on a Neo4j that holds nothing yet."""

from __future__ import annotations

import asyncio

from stores import NEO4J, Neo4jPlace

from graph_schema.schema import INDEXES, UNIQUE

PROCESSES = 4
ROUNDS = 3


async def without_schema(place: Neo4jPlace) -> None:
    """As a database is that nobody has opened."""
    await place.run("MATCH (n) DETACH DELETE n")
    for (name,) in await place.run("SHOW CONSTRAINTS YIELD name"):
        await place.run(f"DROP CONSTRAINT {name}")
    for (name,) in await place.run(
        "SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name"
    ):
        await place.run(f"DROP INDEX {name}")


async def test_all_of_them_open_it_and_the_schema_is_whole() -> None:
    async with NEO4J.empty() as place:
        assert isinstance(place, Neo4jPlace)
        for _ in range(ROUNDS):
            await without_schema(place)
            stores = [place.store() for _ in range(PROCESSES)]
            await asyncio.gather(*(store.open() for store in stores))
            found = await place.run(
                "SHOW INDEXES YIELD name, type, state WHERE type <> 'LOOKUP' RETURN name, state"
            )
            names = {thing.name for thing in (*UNIQUE, *INDEXES)}
            assert {name for name, _ in found} == names
            assert {state for _, state in found} == {"ONLINE"}
            assert await place.run(
                "MATCH (m:Migration) RETURN count(DISTINCT m.version) = count(m)"
            ) == [[True]]
            for store in stores:
                assert (await store.totals()).profiles == 0
                await store.close()
