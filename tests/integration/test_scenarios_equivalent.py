"""Spellings of one address or number, by a rule: they join, are refused, explained and taken back like
any other evidence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from shop import Shop, mids, named, names, open_shop
from spellings import with_spellings
from stores import Place

from api.auth import Scope
from graph_schema.model.rules import IdentityRules

RULES = msgspec.structs.replace(with_spellings(IdentityRules()), burned_above=3)
FORM = "email~canonical"
WHY = """query($a: IdentifierInput!, $b: IdentifierInput!) { profile(identifier: $a) {
  why(a: $a, b: $b) {
    steps { kind a { namespace value } b { namespace value } } weakest { kind } } } }"""
SEPARATE = """query($a: IdentifierInput!, $b: IdentifierInput!) { whySeparate(a: $a, b: $b) { rule
  refused { kind refusedBy } } }"""
CHANGES = "{ changes(first: 9) { edges { node { id kind undoable } } } }"
SPLIT = """mutation($i: SplitProfileInput!) { splitProfile(input: $i) { __typename
  ... on Problem { code message } ... on IdentityChangeSuccess { change { id } } } }"""
UNDO = """mutation($i: ID!) { undoChange(changeId: $i) { __typename
  ... on Problem { code message } ... on IdentityChangeSuccess { change { status } } } }"""


@pytest.fixture
async def shop(place: Place, tmp_path: Path) -> AsyncIterator[Shop]:
    """On every kind of graph store. Whatever a scenario does, the walk of `cdp check` finds nothing."""
    async with open_shop(tmp_path / "data", place, RULES) as found:
        yield found
        await found.work()
        report = await found.check(tmp_path / "check.db")
        assert [result for result in report.results if result.broken] == []


async def newsletter(shop: Shop) -> None:
    """Somebody subscribes with a tag in the address, and later logs in elsewhere under the address."""
    await shop.send(
        0,
        "identify",
        anonymousId="a1",
        traits={"email": "Ann.Lee+News@gmail.com"},
        messageId="news",
    )
    await shop.send(
        200, "identify", userId="u1", anonymousId="a2", traits={"email": "annlee@googlemail.com"}
    )
    await shop.work()


async def test_a_tagged_address_and_the_address_are_one_persons(shop: Shop) -> None:
    await newsletter(shop)
    profile = await shop.profile("anonymous_id", "a1")
    assert names(profile) == {
        "u1", "a1", "a2", "ann.lee+news@gmail.com", "annlee@googlemail.com", "annlee@gmail.com",
    }  # fmt: skip
    assert "news" in mids(await shop.profile("user_id", "u1"))
    a, b = named("anonymous_id:a1", "user_id:u1")
    why = (await shop.ask(WHY, a=a, b=b))["profile"]["why"]
    assert [step["kind"] for step in why["steps"]] == [
        "LOGIN", "EQUIVALENT", "EQUIVALENT", "LOGIN",
    ]  # fmt: skip
    assert why["weakest"]["kind"] == "EQUIVALENT"
    form = {"namespace": FORM, "value": "annlee@gmail.com"}
    assert form in (why["steps"][1]["a"], why["steps"][1]["b"])


async def test_without_the_rule_they_are_two(place: Place, tmp_path: Path) -> None:
    async with open_shop(tmp_path / "data", place) as plain:
        await newsletter(plain)
        assert names(await plain.profile("anonymous_id", "a1")) == {"a1", "ann.lee+news@gmail.com"}
        assert names(await plain.profile("user_id", "u1")) == {
            "u1", "a2", "annlee@googlemail.com",
        }  # fmt: skip


async def test_a_number_however_it_is_written(shop: Shop) -> None:
    await shop.send(0, "identify", anonymousId="a1", traits={"phone": "0170 5551234"})
    await shop.send(100, "identify", userId="u1", traits={"phone": "+49 170 555-12-34"})
    await shop.work()
    assert await shop.id_of("anonymous_id", "a1") == await shop.id_of("user_id", "u1")


async def test_two_users_stay_two_and_the_refusal_is_told(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", traits={"email": "ann@x.org"})
    await shop.send(100, "identify", userId="u2", traits={"email": "ann+2@x.org"})
    await shop.work()
    assert names(await shop.profile("user_id", "u1")) == {"u1", "ann@x.org"}
    assert names(await shop.profile("user_id", "u2")) == {"u2", "ann+2@x.org"}
    a, b = named("user_id:u1", "user_id:u2")
    separate = (await shop.ask(SEPARATE, a=a, b=b))["whySeparate"]
    assert separate["rule"] == "LIMIT"
    assert separate["refused"] == [{"kind": "EQUIVALENT", "refusedBy": "LIMIT"}]


async def test_a_form_of_too_many_spellings_joins_nobody(shop: Shop) -> None:
    """One address, with a tag for each of its customers."""
    for number in range(5):
        await shop.send(
            100 * number,
            "identify",
            anonymousId=f"a{number}",
            traits={"email": f"c+{number}@x.org"},
        )
    await shop.work()
    for number in range(5):
        held = names(await shop.profile("anonymous_id", f"a{number}"))
        assert held == {f"a{number}", f"c+{number}@x.org"}
    form = await shop.profile(FORM, "c@x.org")
    assert form is not None
    (edge,) = form["identifiers"]["edges"]
    assert edge["node"]["status"] == "BURNED"


async def test_one_spelling_is_split_out_and_brought_back(shop: Shop) -> None:
    await newsletter(shop)
    before = await shop.profile("user_id", "u1")
    split = await shop.command(SPLIT, i={"identifiers": named("email:annlee@googlemail.com")})
    assert split["__typename"] == "IdentityChangeSuccess", split
    assert names(await shop.profile("user_id", "u1")) == {"u1", "a2"}
    alone = names(await shop.profile("email", "annlee@googlemail.com"))
    others = names(await shop.profile("anonymous_id", "a1"))
    assert not alone & others
    assert alone | others == {
        "annlee@googlemail.com", "a1", "ann.lee+news@gmail.com", "annlee@gmail.com",
    }  # fmt: skip
    undone = await shop.command(UNDO, i=split["change"]["id"])
    assert undone["change"]["status"] == "APPLIED"
    assert await shop.profile("user_id", "u1") == before


async def test_a_form_itself_cannot_be_split_out(shop: Shop) -> None:
    await newsletter(shop)
    refused = await shop.command(SPLIT, i={"identifiers": named(f"{FORM}:annlee@gmail.com")})
    assert refused["code"] == "BAD_INPUT"


async def test_a_merge_that_spelling_made_is_taken_back(shop: Shop) -> None:
    """Both were known, then one of them gives the other's address, spelled otherwise."""
    await shop.send(0, "identify", anonymousId="a1", traits={"email": "ann@x.org"})
    await shop.send(100, "identify", userId="u1", anonymousId="a2")
    await shop.work()
    former = await shop.id_of("anonymous_id", "a1")
    await shop.send(200, "identify", userId="u1", traits={"email": "ann+1@x.org"})
    await shop.work()
    assert await shop.id_of("anonymous_id", "a1") == await shop.id_of("user_id", "u1")
    (edge,) = (await shop.ask(CHANGES))["changes"]["edges"]
    assert (edge["node"]["kind"], edge["node"]["undoable"]) == ("MERGE", True)
    undone: dict[str, Any] = await shop.command(UNDO, i=edge["node"]["id"])
    assert undone["change"]["status"] == "APPLIED"
    assert await shop.id_of("anonymous_id", "a1") == former
    assert "ann+1@x.org" in names(await shop.profile("user_id", "u1"))


async def test_a_form_is_as_personal_as_what_it_is_of(shop: Shop) -> None:
    await newsletter(shop)
    query = (
        "{ profiles(first: 9) { edges { node { identifiers(first: 9) { edges { node {"
        " namespace value } } } } } } }"
    )
    shown = str(await shop.ask(query, without=Scope.PII_READ))
    assert FORM in shown
    assert "lee" not in shown
