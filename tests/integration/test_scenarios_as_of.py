"""Scenario 16, and what else is asked about an earlier moment, through the collector and GraphQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from shop import Shop, named, open_shop
from stores import Place

from graph_schema.model.time import MILLISECOND, SECOND, now, to_iso

FIELDS = """id asOf redirectedFrom identified traits firstSeenAt lastSeenAt
  counters { events sessions orders revenue { amount } }
  identifiers(first: 50) { totalCount edges { node { value status lastSeenAt profile { id asOf } } } }
  sessions(first: 50) { totalCount edges { node { id eventCount user { value } profile { id }
    events(first: 50) { edges { node { messageId } } } } } }
  events(first: 50) { totalCount edges { node { messageId session { id } profile { id asOf } } } }
  trait(name: "plan") { value event { messageId } others { value } }
  segments(first: 5) { edges { since version node { key name size
    members(first: 5) { edges { node { id asOf } } } } } }
  segmentTrace(segment: "loyal") { member conditions { holds observed } }
  identityGraph { nodes { value } edges { kind status count events { messageId } } }
  history(first: 9) { totalCount edges { node { kind undoable undoneBy { id } } } }"""
AT = (
    "query($id: ID, $of: IdentifierInput, $t: DateTime) { profile(id: $id, identifier: $of, asOf: $t) {"
    + FIELDS
    + " } }"
)
MERGE = """mutation($i: MergeProfilesInput!) { mergeProfiles(input: $i) {
  ... on IdentityChangeSuccess { change { id at } } } }"""
UNDO = """mutation($id: ID!) { undoChange(changeId: $id) {
  ... on IdentityChangeSuccess { change { id at } } } }"""
SEGMENT = """mutation($rule: SegmentRule!) { createSegment(input: {key: "loyal", name: "Loyal",
  rule: $rule}) { __typename } }"""
LOYAL = {"event": {"name": "Order Completed", "count": {"gte": 2}}}


@pytest.fixture
async def shop(place: Place, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path / "data", place) as found:
        yield found


async def a_moment() -> str:
    """Now, after what was recorded and before what will be."""
    await asyncio.sleep(0.003)
    moment = to_iso(now())
    await asyncio.sleep(0.003)
    return moment


async def at(shop: Shop, moment: str | None, identifier: str) -> dict[str, Any] | None:
    found = await shop.ask(AT, of=named(identifier)[0], t=moment)
    profile: dict[str, Any] | None = found["profile"]
    return profile


def undated(profile: dict[str, Any] | None) -> Any:
    """Without the moment, of which every level tells."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: walk(part) for name, part in value.items() if name != "asOf"}
        return [walk(part) for part in value] if isinstance(value, list) else value

    assert profile is not None
    return walk(profile)


async def test_16_the_two_profiles_before_the_merge(shop: Shop) -> None:
    await shop.command(SEGMENT, rule=LOYAL)
    for name, minute in (("u1", 0), ("u2", 10)):
        await shop.send(
            minute, "identify", userId=name, anonymousId=f"a-{name}", traits={"plan": name}
        )
        await shop.send(minute + 1, userId=name, event="Order Completed", messageId=f"by {name}")
    await shop.work()
    people = ("user_id:u1", "anonymous_id:a-u2")
    before = [await at(shop, None, one) for one in people]
    moment = await a_moment()
    merged = (await shop.command(MERGE, i={"identifiers": named(*people)}))["change"]
    await shop.send(60, userId="u1", event="Order Completed", messageId="later")
    await shop.send(5, userId="u2", event="Order Completed", messageId="late")
    await shop.work()
    for one, known in zip(people, before, strict=True):
        then = await at(shop, moment, one)
        assert undated(then) == undated(known)
        assert then is not None and then["asOf"] == moment
        assert then["identifiers"]["edges"][0]["node"]["profile"]["asOf"] == moment
        assert then["events"]["edges"][0]["node"]["profile"]["asOf"] == moment
    today = await at(shop, None, "user_id:u2")
    assert today is not None and today["asOf"] is None
    assert today["identifiers"]["totalCount"] == 4 and today["segmentTrace"]["member"]
    assert (await at(shop, merged["at"], "user_id:u2") or {})["identifiers"]["totalCount"] == 4


async def test_16_what_was_taken_back_since_is_still_known_then(shop: Shop) -> None:
    await shop.command(SEGMENT, rule=LOYAL)
    for name in ("u1", "u2"):
        await shop.send(0, userId=name, event="Order Completed")
    await shop.work()
    people = named("user_id:u1", "user_id:u2")
    merged = (await shop.command(MERGE, i={"identifiers": people}))["change"]
    together = await at(shop, None, "user_id:u2")
    moment = await a_moment()
    await shop.command(UNDO, id=merged["id"])
    then = await at(shop, moment, "user_id:u2")
    assert undated(then) == undated(together)
    assert then is not None and then["segments"]["edges"][0]["node"]["size"] == 1
    members = then["segments"]["edges"][0]["node"]["members"]["edges"]
    assert [edge["node"] for edge in members] == [{"id": then["id"], "asOf": moment}]
    assert then["history"]["edges"][0]["node"] == {
        "kind": "MERGE", "undoable": True, "undoneBy": None,
    }  # fmt: skip
    today = await at(shop, None, "user_id:u2")
    assert today is not None and today["segments"]["edges"] == []
    assert today["history"]["edges"][1]["node"]["undoneBy"] is not None


async def test_an_old_id_leads_where_it_led_then(shop: Shop) -> None:
    await shop.send(0, anonymousId="a1")
    await shop.work()
    old = await shop.id_of("anonymous_id", "a1")
    alone = await a_moment()
    await shop.send(10, "identify", userId="u1", anonymousId="a1")
    await shop.work()
    joined = await a_moment()
    new = await shop.id_of("user_id", "u1")
    then = (await shop.ask(AT, id=old, t=alone))["profile"]
    assert (then["id"], then["redirectedFrom"]) == (old, None)
    assert (await shop.ask(AT, id=new, t=alone))["profile"] is None
    then = (await shop.ask(AT, id=old, t=joined))["profile"]
    assert (then["id"], then["redirectedFrom"]) == (new, old)


async def test_the_moment_of_an_event_knows_it(shop: Shop) -> None:
    """recordedAt is the clock of asOf; asked with its milliseconds it holds that millisecond."""
    await shop.send(0, userId="u1", messageId="first")
    await shop.work()
    await asyncio.sleep(0.005)
    await shop.send(10, userId="u1", messageId="second")
    await shop.work()
    query = (
        '{ profile(identifier: {namespace: "user_id", value: "u1"}) { events(first: 2) { edges {'
    )
    found = await shop.ask(query + " node { messageId recordedAt } } } } }")
    second, first = [edge["node"] for edge in found["profile"]["events"]["edges"]]
    for event, count in ((first, 1), (second, 2)):
        then = await at(shop, event["recordedAt"], "user_id:u1")
        assert then is not None and then["counters"]["events"] == count


async def test_a_moment_that_is_not_known_yet(shop: Shop) -> None:
    await shop.send(0, userId="u1")
    shop.impatient()
    later = to_iso(now() + 60 * SECOND)
    assert await shop.code(AT, of=named("user_id:u1")[0], t=later) == "AS_OF_TOO_NEW"
    moment = await a_moment()
    assert await shop.code(AT, of=named("user_id:u1")[0], t=moment) == "AS_OF_TOO_NEW"
    await shop.work()
    assert await at(shop, moment, "user_id:u1") is not None


async def test_before_anything_was_known_nobody_is_there(shop: Shop) -> None:
    await shop.send(0, userId="u1")
    await shop.work()
    assert await at(shop, to_iso(MILLISECOND), "user_id:u1") is None


async def test_recommendations_are_of_today_only(shop: Shop) -> None:
    await shop.send(0, userId="u1")
    await shop.work()
    query = """query($t: DateTime) { profile(identifier: {namespace: "user_id", value: "u1"}, asOf: $t) {
      recommendations(first: 1) { requestId } } }"""
    assert (await shop.ask(query))["profile"]["recommendations"] is not None
    found = await shop.ask(query, t=await a_moment())
    assert found["profile"] == {"recommendations": None}
