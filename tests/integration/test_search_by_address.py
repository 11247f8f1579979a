"""A search for a whole e-mail address or phone number goes through its keyed hash."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from shop import Shop, open_shop
from spellings import with_spellings
from stores import Place

from graph_schema.model.rules import IdentityRules
from graph_schema.store import GraphReading

SEARCH = """query($s: String, $g: String, $o: ProfileOrder) {
  profiles(first: 9, search: $s, segment: $g, orderBy: $o) { totalCount edges { node { id } } } }"""
MAKE = """mutation { createSegment(input: {key: "pro", name: "Pro", rule: {trait: {name: "plan",
  value: "pro"}}}) { __typename } }"""


@pytest.fixture
async def shop(place: Place, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path / "data", place, with_spellings(IdentityRules())) as found:
        await found.send(
            0, "identify", userId="u1", traits={"email": "ann@gmail.com", "plan": "pro"}
        )
        await found.send(
            1, "identify", userId="u2", traits={"email": "joann@gmail.com", "phone": "0170 5551234"}
        )
        await found.send(2, "identify", userId="u3", traits={"note": "knows ann@gmail.com"})
        await found.work()
        yield found


@pytest.fixture
def compared(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that the store is given to compare with."""
    store: GraphReading = shop._parts.store
    texts: list[str] = []
    for name in ("profile_page", "profile_count"):
        asked = getattr(store, name)

        async def noting(*args: Any, asked: Any = asked, **more: Any) -> Any:
            texts.append(more["search"])
            return await asked(*args, **more)

        monkeypatch.setattr(store, name, noting)
    return texts


async def found(shop: Shop, text: str, **more: Any) -> set[str]:
    page = (await shop.ask(SEARCH, s=text, **more))["profiles"]
    assert page["totalCount"] == len(page["edges"])
    return {edge["node"]["id"] for edge in page["edges"]}


@pytest.mark.parametrize("order", ["LAST_SEEN_DESC", "FIRST_SEEN_DESC", "ID"])
@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("ann@gmail.com", "u1"),
        (" Ann@Gmail.com", "u1"),
        ("a.nn+x@googlemail.com", "u1"),
        ("0170 5551234", "u2"),
        ("+49 170 555-1234", "u2"),
    ],
)
async def test_a_whole_address_is_compared_with_no_text(
    shop: Shop, compared: list[str], text: str, user: str, order: str
) -> None:
    assert await found(shop, text, o=order) == {await shop.id_of("user_id", user)}
    assert compared == []


async def test_a_part_is_looked_for_in_every_text(shop: Shop, compared: list[str]) -> None:
    every = {await shop.id_of("user_id", user) for user in ("u1", "u2", "u3")}
    assert await found(shop, "ann@gm") == every
    assert compared == ["ann@gm", "ann@gm"]


async def test_within_a_segment(shop: Shop) -> None:
    await shop.command(MAKE)
    await shop.work()
    assert await found(shop, "ann@gmail.com", g="pro") == {await shop.id_of("user_id", "u1")}
    assert await found(shop, "joann@gmail.com", g="pro") == set()
