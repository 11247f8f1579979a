"""A graph in Neo4j that was made before former states of segments were kept."""

from __future__ import annotations

from graph_values import commit, delta, entry, person, segment
from stores import NEO4J, Neo4jPlace

from graph_schema.schema import newest

BEFORE = 2


async def as_before(place: Neo4jPlace) -> None:
    """As the product of that time had left it."""
    await place.run("MATCH (s:SegmentState) DELETE s")
    await place.run("MATCH (m:Migration) WHERE m.version > $version DELETE m", version=BEFORE)
    await place.run("MATCH (g:GraphSchema) SET g.version = $version", version=BEFORE)
    await place.run("DROP CONSTRAINT segment_state")
    for name in ("assigned_profile", "past_member_since"):
        await place.run(f"DROP INDEX {name}")


async def test_its_past_begins_when_it_is_opened() -> None:
    async with NEO4J.empty() as place:
        assert isinstance(place, Neo4jPlace)
        store = place.store()
        await store.open()
        await commit(store, person("p1", "user_id:u1"), delta(10, segments=[segment("s")]))
        await commit(store, delta(20, opened=[entry("p1", "s", 20)]))
        (began,) = [checkpoint.rec for checkpoint in await store.checkpoints()]
        await store.close()
        await as_before(place)

        # The first one is stopped before it has recorded the new version.
        for stopped in (True, False):
            store = place.store()
            await store.open()
            assert await store.known_since() == began
            assert await store.segments_at(began) == await store.segments() == [segment("s")]
            assert await store.segment_sizes_at(["s"], began) == [1]
            if stopped:
                await place.run("MATCH (g:GraphSchema) SET g.version = $old", old=BEFORE)
            await store.close()
        assert await place.run("MATCH (g:GraphSchema) RETURN g.version") == [[newest()]]
        names = {name for (name,) in await place.run("SHOW INDEXES YIELD name")}
        assert {"segment_state", "assigned_profile", "past_member_since"} <= names

        store = place.store()
        await store.open()
        await commit(store, delta(began + 5, segments=[segment("s", name="Later")]))
        assert [one.name for one in await store.segments_at(began + 4)] == [segment("s").name]
        assert [one.name for one in await store.segments_at(began + 5)] == ["Later"]
        await store.empty()
        assert await store.known_since() == 0 and await store.segments_at(1 << 60) == []
        await store.close()
