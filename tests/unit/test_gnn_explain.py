"""Reasons in words, and what happens to the ones that are too many to name."""

from __future__ import annotations

import math

import pytest

from gnn import explain
from gnn.explain import Part
from gnn.recommender import ReasonKind
from graph_schema.model.item import Interaction


def part(item: str, amount: float, kind: ReasonKind = ReasonKind.VIEWED) -> Part:
    return Part(item, None, kind, amount)


@pytest.mark.parametrize(
    ("touch", "kind"),
    [
        (Interaction("a", views=9), ReasonKind.VIEWED),
        (Interaction("a", views=9, carts=1), ReasonKind.CARTED),
        (Interaction("a", views=9, carts=1, purchases=1), ReasonKind.BOUGHT),
    ],
)
def test_the_strongest_touch_is_the_reason(touch: Interaction, kind: ReasonKind) -> None:
    assert explain.kind_of(touch) is kind


def test_it_is_said_with_the_items_name_or_else_its_id() -> None:
    named = Part("sku-1", "Red hat", ReasonKind.BOUGHT, 3.0)
    first, second = explain.reasons([named, part("sku-2", 1.0)])
    assert (first.text, first.share) == ("because you bought Red hat", 0.75)
    assert (second.text, second.share) == ("because you viewed sku-2", 0.25)


@pytest.mark.parametrize("kind", ReasonKind)
def test_every_kind_has_words(kind: ReasonKind) -> None:
    assert explain.text(kind, "Hat").startswith("because")
    alone, rest = explain.reasons([part("a", 2.0, kind), part("b", 1.0, kind)], most=1)
    assert alone.kind is rest.kind is kind
    assert rest.text.startswith("because")


def test_the_smaller_ones_are_added_up_under_the_kind_that_adds_most() -> None:
    parts = [
        part("a", 5.0),
        part("b", 1.0, ReasonKind.BOUGHT),
        part("c", 1.5),
        part("d", 1.0, ReasonKind.BOUGHT),
    ]
    first, rest = explain.reasons(parts, most=1)
    assert first.item_id == "a"
    assert (rest.item_id, rest.kind) == (None, ReasonKind.BOUGHT)
    assert rest.text == "because of 3 more that you bought"
    assert math.isclose(first.share + rest.share, 1.0)


def test_as_many_as_can_be_named_are_named() -> None:
    named = explain.reasons([part(key, 1.0) for key in "abc"], most=3)
    assert [reason.item_id for reason in named] == ["a", "b", "c"]


def test_no_part_is_no_reason() -> None:
    assert explain.reasons([]) == ()
    assert explain.reasons([part("a", 0.0)]) == ()
