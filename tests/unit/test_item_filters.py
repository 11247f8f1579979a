"""ItemFilter: all given parts must hold, lists mean any of, and a test that is none is refused."""

from __future__ import annotations

from typing import Any

import pytest

from api.platform import ItemWhere
from cdp.platform.items import item_filter
from graph_schema.errors import BadInput
from graph_schema.model.item import Item

TEA = Item(
    "tea", 0, category="drinks", brand="Leaf", price=5_000_000, currency="EUR",
    attributes={"organic": True, "origin": {"country": "IN"}, "sizes": [{"g": 100}, {"g": 250}]},
)  # fmt: skip
MUG = Item("mug", 0, category="kitchen", available=False)
SHOP = [TEA, MUG]


def found(**where: Any) -> list[str]:
    passes = item_filter(ItemWhere(**({"available": None} | where)))
    return [item.id for item in SHOP if passes(item)]


def test_without_a_filter_only_what_can_be_bought() -> None:
    passes = item_filter(None)
    assert [item.id for item in SHOP if passes(item)] == ["tea"]


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ({}, ["tea", "mug"]),
        ({"available": True}, ["tea"]),
        ({"available": False}, ["mug"]),
        ({"ids": ("mug", "tea")}, ["tea", "mug"]),
        ({"ids": ()}, []),
        ({"exclude_ids": ("mug",)}, ["tea"]),
        ({"exclude_ids": ()}, ["tea", "mug"]),
        ({"categories": ("kitchen", "garden")}, ["mug"]),
        ({"brands": ("Leaf",)}, ["tea"]),
        ({"price_gte": 5_000_000, "price_lte": 5_000_000}, ["tea"]),
        ({"price_gte": 5_000_001}, []),
        ({"price_lte": 0}, []),
        ({"any": (ItemWhere(ids=("tea",)), ItemWhere(ids=("none",)))}, ["tea"]),
        ({"any": ()}, []),
        ({"negated": ItemWhere(ids=("tea",))}, ["mug"]),
        ({"categories": ("drinks",), "brands": ("Other",)}, []),
        ({"attributes": ({"name": "organic", "value": True},)}, ["tea"]),
        ({"attributes": ({"name": "origin.country", "op": "IN", "value": ["IN", "CN"]},)}, ["tea"]),
        ({"attributes": ({"name": "sizes[].g", "op": "GTE", "value": 250},)}, ["tea"]),
        ({"attributes": ({"name": "organic", "op": "EXISTS"},)}, ["tea"]),
    ],
)
def test_what_passes(where: dict[str, Any], wanted: list[str]) -> None:
    assert found(**where) == wanted


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ({"name": "x", "op": "IN", "value": 3}, "where.attributes.0.value"),
        ({"name": "x"}, "where.attributes.0.value"),
        ({"name": "x", "op": "EXISTS", "value": 1}, "where.attributes.0.value"),
        ({"name": "x", "op": "GT", "as": "DATETIME", "value": "soon"}, "where.attributes.0.value"),
        ({"name": "a..b", "value": 1}, "where.attributes.0.name"),
        ({"name": "", "value": 1}, "where.attributes.0.name"),
    ],
)
def test_a_test_that_is_none_is_refused_with_its_place(rule: dict[str, Any], place: str) -> None:
    for where in (
        ItemWhere(attributes=(rule,)),
        ItemWhere(any=(ItemWhere(attributes=(rule,)),)),
        ItemWhere(negated=ItemWhere(attributes=(rule,))),
    ):
        with pytest.raises(BadInput, match=f"^{place}: "):
            item_filter(where)
