"""The catalogue as columns lets through what asking item by item lets through."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.platform import ItemWhere
from cdp.platform.items import item_filter
from cdp.platform.shelf import MOST_REMEMBERED, Shelf
from graph_schema.errors import BadInput
from graph_schema.model.item import Item

RNG = np.random.default_rng(3)
IDS = tuple(f"i{number}" for number in range(30))
CATALOGUE = {
    id_: Item(
        id_, 0,
        category=("tea", "mug", None)[number % 3],
        brand=("Leaf", "Clay", None, "Tin")[number % 4],
        price=None if number % 5 == 0 else number * 1_000_000,
        currency="EUR",
        available=number % 7 != 0,
        attributes={"organic": number % 2 == 0, "grams": number},
    )
    for number, id_ in enumerate(IDS[:-3])
}  # fmt: skip
SHELF = Shelf(IDS, CATALOGUE)
TESTS = ({"name": "organic", "value": True}, {"name": "grams", "op": "GT", "value": 12})

some_ids = st.none() | st.lists(st.sampled_from((*IDS, "unknown")), max_size=9).map(tuple)
names = ("tea", "mug", "Leaf", "Clay", "nothing")
some_names = st.none() | st.lists(st.sampled_from(names), max_size=3).map(tuple)
prices = st.none() | st.integers(min_value=0, max_value=30).map(lambda price: price * 1_000_000)
leaves = st.builds(
    ItemWhere,
    ids=some_ids,
    exclude_ids=some_ids,
    categories=some_names,
    brands=some_names,
    price_gte=prices,
    price_lte=prices,
    available=st.sampled_from((None, True, False)),
    attributes=st.lists(st.sampled_from(TESTS), max_size=2).map(tuple),
)
filters = st.recursive(
    leaves,
    lambda inner: st.builds(
        ItemWhere,
        available=st.sampled_from((None, True, False)),
        any=st.none() | st.lists(inner, max_size=3).map(tuple),
        negated=st.none() | inner,
    ),
    max_leaves=5,
)


@given(st.none() | filters)
def test_it_lets_through_what_asking_each_item_does(where: ItemWhere | None) -> None:
    passes = item_filter(where)
    expected = [id_ in CATALOGUE and passes(CATALOGUE[id_]) for id_ in IDS]
    assert SHELF.allowed(where).tolist() == expected


@given(st.none() | filters, st.lists(st.sampled_from(IDS), max_size=12), st.integers(0, 99))
def test_columns_that_were_changed_are_those_of_the_changed_catalogue(
    where: ItemWhere | None, ids: list[str], seed: int
) -> None:
    """Also where items are new to it or gone, and whatever was remembered before."""
    shelf, now = Shelf(IDS, CATALOGUE), dict(CATALOGUE)
    before = shelf.allowed(where)
    copy = before.copy()
    changed: dict[str, Item | None] = {"unknown": None}
    for number, id_ in enumerate(ids):
        other = CATALOGUE[IDS[(seed + 5 * number) % len(CATALOGUE)]]
        found = None if number % 4 == 3 else msgspec.structs.replace(other, id=id_)
        changed[id_] = found
        now.pop(id_, None)
        if found is not None:
            now[id_] = found
    shelf.put(changed)
    assert shelf.allowed(where).tolist() == Shelf(IDS, now).allowed(where).tolist()
    assert before.tolist() == copy.tolist()


def test_what_the_catalogue_does_not_have_is_never_let_through() -> None:
    everything = SHELF.allowed(ItemWhere(available=None))
    assert everything.tolist() == [id_ in CATALOGUE for id_ in IDS]


def test_a_filter_is_remembered_and_not_for_ever() -> None:
    shelf = Shelf(IDS, CATALOGUE)
    first = shelf.allowed(ItemWhere(ids=("i1",)))
    assert shelf.allowed(ItemWhere(ids=("i1",))) is first
    for number in range(MOST_REMEMBERED):
        shelf.allowed(ItemWhere(price_gte=number))
    assert shelf.allowed(ItemWhere(ids=("i1",))) is not first


def test_a_test_that_is_none_is_refused_where_nothing_is_left_too() -> None:
    with pytest.raises(BadInput):
        SHELF.allowed(ItemWhere(ids=(), attributes=({"name": "x", "op": "NOPE"},)))
