"""Why two identifiers are one person's, and why not, through the collector and GraphQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from shop import Shop, named, open_shop
from stores import Place

EVIDENCE = """{ kind status refusedBy count a { value } b { value } events { messageId }
  change { kind cause { ... on Decision { note } } } }"""
APART = (
    "query($a: IdentifierInput!, $b: IdentifierInput!) { whySeparate(a: $a, b: $b)"
    " { rule message refused " + EVIDENCE + " } }"
)
WHY = (
    "query($a: IdentifierInput!, $b: IdentifierInput!) { profile(identifier: $a)"
    " { why(a: $a, b: $b) { steps " + EVIDENCE + " weakest { kind a { value } b { value } } } } }"
)
GRAPH = (
    "query($a: IdentifierInput!, $limit: Int) { profile(identifier: $a) { identityGraph(limit: $limit)"
    " { truncated nodes { value } edges " + EVIDENCE + " } } }"
)
HISTORY = """query($a: IdentifierInput!) { profile(identifier: $a) { history(first: 50) { totalCount
  edges { node { kind before { profileId } after { profileId } } } } } }"""
MERGE = """mutation($i: MergeProfilesInput!) { mergeProfiles(input: $i) {
  ... on IdentityChangeSuccess { change { id } } } }"""
SPLIT = """mutation($i: SplitProfileInput!) { splitProfile(input: $i) {
  ... on IdentityChangeSuccess { change { id } } } }"""


@pytest.fixture
async def shop(place: Place, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path / "data", place) as found:
        yield found


def pair(one: str, other: str) -> dict[str, Any]:
    a, b = named(one, other)
    return {"a": a, "b": b}


def ends(evidence: dict[str, Any]) -> set[str]:
    return {evidence["a"]["value"], evidence["b"]["value"]}


async def test_why_is_the_way_over_what_joined(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", anonymousId="a1", messageId="m1")
    await shop.send(40, "identify", userId="u1", anonymousId="a1", messageId="m2")
    await shop.send(200, "alias", previousId="a2", userId="u1", messageId="m3")
    await shop.work()
    found = (await shop.ask(WHY, **pair("anonymous_id:a1", "anonymous_id:a2")))["profile"]["why"]
    assert [(step["kind"], ends(step)) for step in found["steps"]] == [
        ("LOGIN", {"u1", "a1"}),
        ("ALIAS", {"u1", "a2"}),
    ]
    assert [[e["messageId"] for e in step["events"]] for step in found["steps"]] == [
        ["m2", "m1"],
        ["m3"],
    ]
    assert found["weakest"]["kind"] == "ALIAS"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("user_id:u1", "user_id:u1"),
        ("user_id:u1", "user_id:u2"),
        ("user_id:u1", "user_id:nobody"),
    ],
)
async def test_no_way_to_itself_or_to_another_person(shop: Shop, one: str, other: str) -> None:
    await shop.send(0, userId="u1", anonymousId="a1")
    await shop.send(0, userId="u2", anonymousId="a2")
    await shop.work()
    assert (await shop.ask(WHY, **pair(one, other)))["profile"]["why"] is None


async def test_apart_by_a_limit(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", traits={"email": "e@x.y"}, messageId="m1")
    await shop.send(100, "identify", userId="u2", traits={"email": "e@x.y"}, messageId="m2")
    await shop.work()
    found = (await shop.ask(APART, **pair("user_id:u1", "user_id:u2")))["whySeparate"]
    assert found["rule"] == "LIMIT" and "may" in found["message"]
    (refused,) = found["refused"]
    assert (ends(refused), refused["refusedBy"]) == ({"u2", "e@x.y"}, "LIMIT")
    assert refused["events"] == [{"messageId": "m2"}]


async def test_apart_by_a_shared_device(shop: Shop) -> None:
    for hour in range(4):
        await shop.send(60 * hour, "identify", userId=f"u{hour % 2}", anonymousId="tablet")
    await shop.work()
    found = (await shop.ask(APART, **pair("user_id:u0", "user_id:u1")))["whySeparate"]
    assert found["rule"] == "SHARED"
    assert [ends(e) for e in found["refused"]] == [{"u0", "tablet"}, {"u1", "tablet"}]


async def test_apart_by_a_decision_which_is_shown(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", anonymousId="a1")
    await shop.work()
    await shop.command(SPLIT, i={"identifiers": named("anonymous_id:a1"), "note": "not his"})
    found = (await shop.ask(APART, **pair("user_id:u1", "anonymous_id:a1")))["whySeparate"]
    assert found["rule"] == "CANNOT_LINK"
    login, decision = found["refused"]
    assert (login["kind"], login["refusedBy"], login["change"]) == ("LOGIN", "CANNOT_LINK", None)
    assert decision["kind"] == "CANNOT_LINK" and decision["count"] == 1
    assert decision["change"] == {"kind": "SPLIT", "cause": {"note": "not his"}}


async def test_apart_over_profiles_in_between(shop: Shop) -> None:
    """u0 and u3 are linked by a chain of shared tablets."""
    for number in range(3):
        for hour in range(2):
            user = f"u{number + hour}"
            await shop.send(60 * hour, "identify", userId=user, anonymousId=f"tablet{number}")
    await shop.work()
    found = (await shop.ask(APART, **pair("user_id:u0", "user_id:u3")))["whySeparate"]
    assert found["rule"] == "SHARED" and len(found["refused"]) == 6


async def test_apart_without_any_evidence(shop: Shop) -> None:
    await shop.send(0, userId="u1")
    await shop.send(0, userId="u2")
    await shop.send(0, userId="null", anonymousId="a1")
    await shop.work()
    for one, other, rule, word in (
        ("user_id:u1", "user_id:u2", None, "No evidence"),
        ("user_id:u1", "user_id:nobody", None, "never seen"),
        ("user_id:u1", "user_id:null", "BLOCKED", "blocked"),
    ):
        found = (await shop.ask(APART, **pair(one, other)))["whySeparate"]
        assert (found["rule"], found["refused"]) == (rule, []) and word in found["message"]
    assert (await shop.ask(APART, **pair("user_id:u1", "user_id:u1")))["whySeparate"] is None


async def test_a_graph_shows_what_joined_first_then_what_is_refused(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", anonymousId="a1", traits={"email": "e@x.y"})
    await shop.send(9, "alias", userId="u1", previousId="a1")
    await shop.send(100, "identify", userId="u2", traits={"email": "e@x.y"})
    await shop.send(100, userId="u3")
    await shop.work()
    await shop.command(MERGE, i={"identifiers": named("user_id:u1", "user_id:u3"), "note": "told"})
    found = (await shop.ask(GRAPH, a=named("user_id:u1")[0]))["profile"]["identityGraph"]
    assert [node["value"] for node in found["nodes"]] == ["u1", "u3", "e@x.y", "a1", "u2"]
    assert not found["truncated"]
    shown = [(e["kind"], e["status"], ends(e)) for e in found["edges"]]
    assert shown == [
        ("CONFIRMED", "JOINED", {"u1", "u3"}),
        ("LOGIN", "JOINED", {"u1", "e@x.y"}),
        ("LOGIN", "JOINED", {"u1", "a1"}),
        ("ALIAS", "REDUNDANT", {"u1", "a1"}),
        ("LOGIN", "REFUSED", {"u2", "e@x.y"}),
    ]
    assert found["edges"][0]["change"] == {"kind": "MERGE", "cause": {"note": "told"}}
    small = (await shop.ask(GRAPH, a=named("user_id:u1")[0], limit=2))["profile"]["identityGraph"]
    assert small["truncated"] and len(small["nodes"]) == 2 and len(small["edges"]) == 1


async def test_the_history_of_a_profile_holds_what_made_it(shop: Shop) -> None:
    for number in range(3):
        await shop.send(number, anonymousId=f"a{number}")
    await shop.send(0, userId="other", anonymousId="a9")
    await shop.work()
    for number in range(2):
        await shop.send(100 + number, "identify", userId="u1", anonymousId=f"a{number}")
        await shop.work()
    await shop.command(SPLIT, i={"identifiers": named("anonymous_id:a1")})

    async def history(name: str) -> list[str]:
        found = (await shop.ask(HISTORY, a=named(name)[0]))["profile"]["history"]
        assert found["totalCount"] == len(found["edges"])
        return [edge["node"]["kind"] for edge in found["edges"]]

    assert await history("user_id:u1") == ["SPLIT", "MERGE", "MERGE"]
    assert await history("anonymous_id:a1") == ["SPLIT", "MERGE"]
    assert await history("anonymous_id:a2") == []
