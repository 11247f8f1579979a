"""What the Neo4j store sends: how often, and that the server has nothing to say against it."""

from __future__ import annotations

import random
import warnings

import pytest
from graph_values import LOG
from graphs import event, opened
from stores import IDS, NEO4J, Neo4jPlace

from graph_schema.model.identifier import IdentifierStatus
from graph_schema.model.known import Assigned, Sighting
from graph_schema.neo4j import connection
from graph_schema.neo4j.statements import Transacted
from graph_schema.store import Delta


async def test_a_batch_writes_in_one_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it sees an identifier, and however much changes with it."""
    sent: list[str] = []
    rows = Transacted.rows

    async def counted(self: Transacted, name: str, **parameters: object) -> list[list[object]]:
        sent.append(name)
        return await rows(self, name, **parameters)

    monkeypatch.setattr(Transacted, "rows", counted)
    async with NEO4J.empty() as place, opened(place.store()) as graph:
        for first in (0, 200):
            await graph.take(
                *(
                    event(f"m{n}", n, anonymous=f"a{n % 3}", user="u0" if n % 9 == 0 else None)
                    for n in range(first, first + 50)
                )
            )
            sent.clear()
            await graph.work()
            assert sent.count("load") == 1
            assert sent.count("write") == 1, " ".join(sent)


@pytest.mark.parametrize("seed", range(5))
async def test_what_was_known_when_does_not_depend_on_how_it_is_cut(seed: int) -> None:
    """The same assignments and sightings, one by one and many in a batch; clocks may run back."""
    rng = random.Random(seed)
    history = [
        (f"user_id:u{rng.randrange(3)}", f"p{n}", rng.randrange(12), rng.randrange(100))
        for n in range(40)
    ]
    sizes = [rng.choice((1, 2, 7, 20)) for _ in history]
    assert await written(history, sizes) == await written(history, [1] * len(history))


async def written(history: list[tuple[str, str, int, int]], sizes: list[int]) -> object:
    async with NEO4J.empty() as place:
        assert isinstance(place, Neo4jPlace)
        store = place.store(IDS.fingerprint)
        await store.open()
        left = list(history)
        for size in sizes:
            part, left = left[:size], left[size:]
            checkpoint = await store.checkpoint(0, LOG)
            async with store.batch(checkpoint) as batch:
                delta = Delta(
                    rec=1,
                    assigned=[
                        Assigned(key, profile, IdentifierStatus.ACTIVE, rec)
                        for key, profile, rec, _ in part
                    ],
                    sightings=[Sighting(key, at, at, rec) for key, _, rec, at in part],
                )
                await batch.write(delta)
                await batch.advance(checkpoint.position + 1, 1)
        await store.close()
        return (
            await place.run(
                "MATCH (a:Assigned) RETURN a.identifier, a.since, a.profile, a.status, a.until"
                " ORDER BY a.identifier, a.since"
            ),
            await place.run(
                "MATCH (s:Sighting) RETURN s.identifier, s.recordedAt, s.firstAt, s.lastAt"
                " ORDER BY s.identifier, s.recordedAt"
            ),
        )


@pytest.mark.parametrize("strict", [True, False])
async def test_what_the_server_objects_to_is_a_warning_in_tests(strict: bool) -> None:
    async with NEO4J.empty() as place:
        assert isinstance(place, Neo4jPlace)
        await place.run("CREATE (:Item), (:Item)")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            async with (
                connection.driver(place.address, strict=strict) as driver,
                driver.session(database=place.address.database) as session,
            ):
                result = await session.run("MATCH (a:Item), (b:Item) RETURN count(*)")
                assert await result.values() == [[4]]
        told = [str(w.message) for w in caught if w.category is connection.Objected]
        assert any("cartesian product" in text for text in told) if strict else not told
