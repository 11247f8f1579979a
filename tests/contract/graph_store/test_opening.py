"""Opening and closing: what may be opened, and what is refused untouched."""

from __future__ import annotations

import pytest
from graph_values import LOG, commit, people, span
from stores import KINDS, Kind, Place, Spoiling

from graph_schema.errors import StoreUnavailable, WrongHashKey
from graph_schema.store import GraphStore


async def filled(place: Place) -> None:
    store = place.store()
    await store.open()
    await commit(store, people("p1", "p2"))
    await store.close()


async def test_what_was_written_is_there_when_it_is_opened_again(place: Place) -> None:
    await filled(place)
    for _ in range(2):
        store = place.store()
        await store.open()
        assert await store.profile_ids_after("", 10) == ["p1", "p2"]
        assert (await store.totals()).profiles == 2
        await store.close()


async def test_opening_changes_nothing_that_is_there(place: Place) -> None:
    await filled(place)
    before = await place.contents()
    store = place.store()
    await store.open()
    assert (await store.totals()).profiles == 2
    await store.close()
    assert await place.contents() == before


async def test_another_hash_key_is_refused_untouched(place: Place) -> None:
    await filled(place)
    before = await place.contents()
    for _ in range(2):
        store = place.store(fingerprint="of another key")
        with pytest.raises(WrongHashKey):
            await store.open()
        await store.close()
        assert await place.contents() == before
    await filled(place)


@pytest.mark.parametrize(
    ("kind", "spoiling"),
    [
        pytest.param(kind, spoiling, id=f"{kind.name}-{spoiling.name}")
        for kind in KINDS
        for spoiling in kind.spoilings
    ],
)
async def test_what_is_spoiled_is_refused_untouched(kind: Kind, spoiling: Spoiling) -> None:
    async with kind.empty() as place:
        await filled(place)
        await spoiling.spoil(place)
        before = await place.contents()
        for _ in range(2):
            store = place.store()
            with pytest.raises(spoiling.error) as refused:
                await store.open()
            assert "Nothing was changed." in refused.value.message
            await store.close()
            assert await place.contents() == before


async def test_several_open_one_graph(place: Place) -> None:
    """As the worker and the processes of the API do."""
    stores = [place.store() for _ in range(3)]
    for store in stores:
        await store.open()
    await commit(stores[0], people("p1"))
    await commit(stores[1], people("p2"))
    for store in stores:
        page = await store.profile_page("ID", span(), segment=None, search=None)
        assert [one.id for one in page.items] == ["p1", "p2"]
    await stores[0].close()
    assert (await stores[2].totals()).profiles == 2
    for store in stores[1:]:
        await store.close()


async def test_closing_twice_and_without_opening(place: Place) -> None:
    never = place.store()
    await never.close()
    store = place.store()
    await store.open()
    await store.close()
    await store.close()


async def refuses_everything(store: GraphStore) -> None:
    with pytest.raises(StoreUnavailable):
        await store.totals()
    with pytest.raises(StoreUnavailable):
        await store.checkpoint(0, LOG)
    with pytest.raises(StoreUnavailable):
        await store.due(0, 1)
    with pytest.raises(StoreUnavailable):
        async for _ in store.training_graph(1):
            pytest.fail("there is nothing to read")


async def test_a_store_that_is_not_open(place: Place) -> None:
    store = place.store()
    await refuses_everything(store)
    await store.open()
    stands = await store.checkpoint(0, LOG)
    await store.close()
    await refuses_everything(store)
    with pytest.raises(StoreUnavailable):
        async with store.batch(stands):
            pytest.fail("the block must not run")
