"""The scenarios in which a person decides: merge, split, undo, through the log and the worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from shop import Shop, mids, named, names, open_shop
from stores import Place

CHANGE = """__typename
  ... on Problem { code message }
  ... on UserError { path }
  ... on Pending { changeId }
  ... on IdentityChangeSuccess { dryRun profiles { id } change { id kind status undoable
    cause { __typename ... on Decision { id actor note } } undoes { id } undoneBy { id }
    before { profileId identifiers { value } } after { profileId identifiers { value } } } }"""
MERGE = f"mutation($i: MergeProfilesInput!) {{ mergeProfiles(input: $i) {{ {CHANGE} }} }}"
SPLIT = f"mutation($i: SplitProfileInput!) {{ splitProfile(input: $i) {{ {CHANGE} }} }}"
UNDO = f'mutation($id: ID!) {{ undoChange(changeId: $id, note: "no") {{ {CHANGE} }} }}'
ONE = """query($id: ID!) { change(id: $id) { id kind status undoable
  undoneBy { id } undoes { id } } }"""


@pytest.fixture
async def shop(place: Place, tmp_path: Path) -> AsyncIterator[Shop]:
    """On every kind of graph store. Whatever a scenario does, the walk of `cdp check` finds nothing."""
    async with open_shop(tmp_path / "data", place) as found:
        yield found
        await found.work()
        report = await found.check(tmp_path / "check.db")
        assert [result for result in report.results if result.broken] == []


def parts(change: dict[str, Any], side: str) -> set[frozenset[str]]:
    return {frozenset(i["value"] for i in part["identifiers"]) for part in change[side]}


async def merge(shop: Shop, *identifiers: str, **more: Any) -> dict[str, Any]:
    return await shop.command(MERGE, i={"identifiers": named(*identifiers), **more})


async def split(shop: Shop, *identifiers: str, **more: Any) -> dict[str, Any]:
    return await shop.command(SPLIT, i={"identifiers": named(*identifiers), **more})


async def undo(shop: Shop, change: dict[str, Any]) -> dict[str, Any]:
    return await shop.command(UNDO, id=change["id"])


async def everything(shop: Shop, *identifiers: str) -> list[dict[str, Any] | None]:
    return [await shop.profile(*one.split(":", 1)) for one in identifiers]


async def test_11_an_identifier_is_split_out_of_a_profile_of_three(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", anonymousId="a1", messageId="on a1")
    await shop.send(100, "identify", userId="u1", anonymousId="a2", traits={"plan": "pro"})
    await shop.send(300, anonymousId="a1", messageId="a1 alone")
    await shop.work()
    answer = await split(shop, "anonymous_id:a1", note="a library's computer")
    change = answer["change"]
    assert (change["kind"], change["status"]) == ("SPLIT", "APPLIED")
    assert change["cause"]["note"] == "a library's computer"
    assert parts(change, "before") == {frozenset({"u1", "a1", "a2"})}
    assert parts(change, "after") == {frozenset({"a1"}), frozenset({"u1", "a2"})}
    assert {one["id"] for one in answer["profiles"]} == {
        await shop.id_of("user_id", "u1"),
        await shop.id_of("anonymous_id", "a1"),
    }
    device, user = await everything(shop, "anonymous_id:a1", "user_id:u1")
    assert mids(device) == {"on a1", "a1 alone"}
    assert device is not None and device["traits"] == {}
    assert user is not None and user["traits"] == {"plan": "pro"}


async def test_11_what_is_split_out_stays_out_until_a_person_confirms(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", anonymousId="a1")
    await shop.work()
    await split(shop, "anonymous_id:a1")
    for hour in range(5):
        await shop.send(100 + 60 * hour, "identify", userId="u1", anonymousId="a1")
    await shop.work()
    assert names(await shop.profile("user_id", "u1")) == {"u1"}
    assert len(mids(await shop.profile("anonymous_id", "a1"))) == 6
    answer = await merge(shop, "user_id:u1", "anonymous_id:a1")
    assert answer["change"]["kind"] == "MERGE"
    profile = await shop.profile("user_id", "u1")
    assert names(profile) == {"u1", "a1"} and len(mids(profile)) == 6
    assert profile is not None
    users = [edge["node"]["user"] for edge in profile["sessions"]["edges"]]
    assert all(user == {"value": "u1"} for user in users)


async def test_11_the_rest_keeps_together_only_as_far_as_its_evidence_reaches(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", anonymousId="a1")
    await shop.send(100, "identify", userId="u1", anonymousId="a2")
    await shop.work()
    answer = await split(shop, "user_id:u1")
    assert parts(answer["change"], "after") == {frozenset({x}) for x in ("u1", "a1", "a2")}
    assert len(answer["profiles"]) == 3


async def test_12_two_anonymous_profiles_are_confirmed_and_undone(shop: Shop) -> None:
    await shop.send(0, anonymousId="a1", messageId="one")
    await shop.send(50, anonymousId="a2", messageId="two")
    await shop.work()
    before = await everything(shop, "anonymous_id:a1", "anonymous_id:a2")
    answer = await merge(shop, "anonymous_id:a1", "anonymous_id:a2")
    assert answer["change"]["kind"] == "MERGE" and answer["change"]["undoable"]
    profile = await shop.profile("anonymous_id", "a2")
    assert names(profile) == {"a1", "a2"} and mids(profile) == {"one", "two"}
    undone = await undo(shop, answer["change"])
    assert undone["change"]["kind"] == "UNDO"
    assert undone["change"]["undoes"] == {"id": answer["change"]["id"]}
    assert await everything(shop, "anonymous_id:a1", "anonymous_id:a2") == before
    told = (await shop.ask(ONE, id=answer["change"]["id"]))["change"]
    assert told["undoneBy"] == {"id": undone["change"]["id"]} and not told["undoable"]


async def test_14_concurrent_logins_that_link_two_devices_both_ways(shop: Shop) -> None:
    """Sent at once, applied by a worker meanwhile: one survivor, nothing lost, nothing twice."""
    await shop.send(0, anonymousId="a1")
    await shop.send(0, anonymousId="a2")
    await shop.work()
    logins = [("u1", "a1"), ("u1", "a2"), ("u1", "a1"), ("u1", "a2")] * 5
    sending = [
        asyncio.create_task(shop.send(100 + i, "identify", userId=user, anonymousId=device))
        for i, (user, device) in enumerate(logins)
    ]
    while not all(task.done() for task in sending):
        await shop.work()
        await asyncio.sleep(0)
    await asyncio.gather(*sending)
    await shop.work()
    profile = await shop.profile("anonymous_id", "a1")
    assert names(profile) == {"u1", "a1", "a2"} and len(mids(profile)) == 22
    stats = (await shop.ask("{ stats { profiles events } }"))["stats"]
    assert stats == {"profiles": 1, "events": 22}


async def test_15_ids_that_went_with_a_merge_by_hand_answer_the_survivor(shop: Shop) -> None:
    await shop.send(0, userId="u1")
    await shop.send(0, userId="u2")
    await shop.work()
    old = [await shop.id_of("user_id", "u1"), await shop.id_of("user_id", "u2")]
    answer = await shop.command(MERGE, i={"ids": old})
    (survivor,) = answer["profiles"]
    query = "query($id: ID!) { profile(id: $id) { id redirectedFrom } }"
    for id_ in old:
        found = (await shop.ask(query, id=id_))["profile"]
        assert found["id"] == survivor["id"]
        assert found["redirectedFrom"] == (None if id_ == survivor["id"] else id_)


async def test_18_two_user_ids_of_one_human(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", anonymousId="a1", traits={"plan": "a"})
    await shop.send(10, "identify", userId="u2", anonymousId="a2", traits={"plan": "b"})
    await shop.work()
    answer = await merge(shop, "user_id:u2", "user_id:u1")
    profile = await shop.profile("user_id", "u1")
    assert names(profile) == {"u1", "u2", "a1", "a2"}
    assert profile is not None and profile["traits"] == {"plan": "b"}
    await shop.send(100, "identify", userId="u1", anonymousId="a3")
    await shop.send(200, "identify", userId="u2", anonymousId="a4")
    await shop.work()
    assert names(await shop.profile("user_id", "u1")) == {"u1", "u2", "a1", "a2", "a3", "a4"}
    await undo(shop, answer["change"])
    assert names(await shop.profile("user_id", "u1")) == {"u1", "a1", "a3"}
    assert names(await shop.profile("user_id", "u2")) == {"u2", "a2", "a4"}


async def test_18_undone_at_once_both_are_as_they_were(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", anonymousId="a1", traits={"plan": "a"})
    await shop.send(10, "identify", userId="u2", anonymousId="a2", traits={"plan": "b"})
    await shop.work()
    everyone = ("user_id:u1", "user_id:u2", "anonymous_id:a1", "anonymous_id:a2")
    before = await everything(shop, *everyone)
    answer = await merge(shop, "user_id:u1", "user_id:u2")
    assert await everything(shop, *everyone) != before
    await undo(shop, answer["change"])
    assert await everything(shop, *everyone) == before


async def test_18_a_device_of_both_joins_the_one_person(shop: Shop) -> None:
    """Two user_ids that are one human's count as one on a device that both used."""
    for hour in range(4):
        user = f"u{hour % 2 + 1}"
        await shop.send(60 * hour, "identify", userId=user, anonymousId="tablet")
    await shop.work()
    assert names(await shop.profile("user_id", "u1")) == {"u1"}
    await merge(shop, "user_id:u1", "user_id:u2")
    assert names(await shop.profile("user_id", "u1")) == {"u1", "u2", "tablet"}


async def test_an_undoing_is_undone(shop: Shop) -> None:
    await shop.send(0, userId="u1")
    await shop.send(0, userId="u2")
    await shop.work()
    merged = (await merge(shop, "user_id:u1", "user_id:u2"))["change"]
    undone = (await undo(shop, merged))["change"]
    again = (await undo(shop, undone))["change"]
    assert again["kind"] == "UNDO" and parts(again, "after") == {frozenset({"u1", "u2"})}
    assert names(await shop.profile("user_id", "u1")) == {"u1", "u2"}
    told = (await shop.ask(ONE, id=merged["id"]))["change"]
    assert told["undoable"] and told["undoneBy"] is None
    last = (await undo(shop, merged))["change"]
    assert parts(last, "after") == {frozenset({"u1"}), frozenset({"u2"})}


async def test_a_merge_that_evidence_made_is_undone(shop: Shop) -> None:
    await shop.send(0, anonymousId="a1", messageId="a1 alone")
    await shop.send(0, userId="u1", messageId="u1 alone")
    await shop.work()
    await shop.send(100, "identify", userId="u1", anonymousId="a1", messageId="login")
    await shop.work()
    trail = await shop.ask("{ changes(first: 5) { edges { node { id kind undoable } } } }")
    (edge,) = trail["changes"]["edges"]
    assert edge["node"]["kind"] == "MERGE" and edge["node"]["undoable"]
    undone = (await undo(shop, edge["node"]))["change"]
    assert parts(undone, "after") == {frozenset({"u1"}), frozenset({"a1"})}
    await shop.send(200, "identify", userId="u1", anonymousId="a1", messageId="later")
    await shop.work()
    assert mids(await shop.profile("user_id", "u1")) == {"u1 alone"}
    assert mids(await shop.profile("anonymous_id", "a1")) == {"a1 alone", "login", "later"}
    again = await undo(shop, edge["node"])
    assert again["code"] == "NOTHING_TO_UNDO" and again["path"] == ["changeId"]
    back = (await undo(shop, undone))["change"]
    assert parts(back, "after") == {frozenset({"u1", "a1"})}
    assert len(mids(await shop.profile("user_id", "u1"))) == 4


async def test_a_split_that_evidence_made_is_not_undone_but_merged_by_hand(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", anonymousId="a1")
    await shop.work()
    await shop.send(100, "identify", userId="u2", anonymousId="a1")
    await shop.work()
    trail = await shop.ask(
        "{ changes(first: 5, kind: [SPLIT]) { edges { node { id undoable } } } }"
    )
    (edge,) = trail["changes"]["edges"]
    assert not edge["node"]["undoable"]
    assert (await undo(shop, edge["node"]))["code"] == "NOTHING_TO_UNDO"
    await merge(shop, "user_id:u1", "anonymous_id:a1")
    assert names(await shop.profile("user_id", "u1")) == {"u1", "a1"}


async def test_three_profiles_become_one_and_are_parted_again(shop: Shop) -> None:
    for number in range(3):
        await shop.send(number, anonymousId=f"a{number}")
    await shop.work()
    keys = [f"anonymous_id:a{number}" for number in range(3)]
    before = await everything(shop, *keys)
    answer = await merge(shop, *keys)
    assert len(answer["change"]["before"]) == 3 and len(answer["profiles"]) == 1
    undone = await undo(shop, answer["change"])
    assert len(undone["profiles"]) == 3
    assert await everything(shop, *keys) == before


async def test_a_decision_that_changes_nothing_says_so(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", anonymousId="a1")
    await shop.work()
    answer = await merge(shop, "user_id:u1", "anonymous_id:a1")
    change = answer["change"]
    assert change["status"] == "WITHOUT_EFFECT"
    assert change["before"] == change["after"] == answer["profiles"] == []
    assert change["undoable"]
    undone = (await undo(shop, change))["change"]
    assert undone["status"] == "WITHOUT_EFFECT"
    assert names(await shop.profile("user_id", "u1")) == {"u1", "a1"}


async def test_a_dry_run_tells_what_then_happens_and_changes_nothing(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", anonymousId="a1")
    await shop.send(0, "identify", userId="u2", anonymousId="a2")
    await shop.work()
    for ask, identifiers in (
        (merge, ("user_id:u1", "anonymous_id:a2")),
        (split, ("anonymous_id:a1",)),
        (split, ("user_id:u1",)),
    ):
        before = await everything(shop, "user_id:u1", "user_id:u2")
        rehearsed = await ask(shop, *identifiers, dryRun=True)
        assert rehearsed["dryRun"] and rehearsed["change"]["cause"] is None
        assert await everything(shop, "user_id:u1", "user_id:u2") == before
        done = await ask(shop, *identifiers)
        assert not done["dryRun"]
        for side in ("before", "after", "kind", "status"):
            assert done["change"][side] == rehearsed["change"][side]


async def test_the_same_idempotency_key_answers_the_same_change(shop: Shop) -> None:
    await shop.send(0, userId="u1")
    await shop.send(0, userId="u2")
    await shop.work()
    first = await merge(shop, "user_id:u1", "user_id:u2", idempotencyKey="ticket 7")
    again = await merge(shop, "user_id:u1", "user_id:u2", idempotencyKey="ticket 7")
    assert again["change"] == first["change"]
    trail = await shop.ask("{ changes(first: 5) { totalCount } }")
    assert trail["changes"]["totalCount"] == 1


async def test_without_a_worker_a_command_waits_in_the_log(shop: Shop) -> None:
    await shop.send(0, userId="u1")
    await shop.send(0, userId="u2")
    await shop.work()
    shop.impatient()
    answer = (await shop.ask(MERGE, i={"identifiers": named("user_id:u1", "user_id:u2")}))[
        "mergeProfiles"
    ]
    assert answer["__typename"] == "Pending" and answer["code"] == "PENDING"
    told = (await shop.ask(ONE, id=answer["changeId"]))["change"]
    assert (told["kind"], told["status"], told["undoable"]) == ("MERGE", "PENDING", False)
    await shop.work()
    told = (await shop.ask(ONE, id=answer["changeId"]))["change"]
    assert (told["kind"], told["status"], told["undoable"]) == ("MERGE", "APPLIED", True)
    assert (await shop.ask(ONE, id="c_nobody"))["change"] is None


@pytest.mark.parametrize(
    ("ask", "identifiers", "code", "path"),
    [
        (merge, ["user_id:u1"], "BAD_INPUT", []),
        (merge, ["user_id:u1", "user_id:nobody"], "NOT_FOUND", ["identifiers", "1"]),
        (merge, ["user_id:u1", "user_id:null"], "NOT_FOUND", ["identifiers", "1"]),
        (split, [], "BAD_INPUT", ["identifiers"]),
        (split, ["user_id:u1", "user_id:u2"], "BAD_INPUT", ["identifiers"]),
        (split, ["user_id:u1", "anonymous_id:a1"], "BAD_INPUT", ["identifiers"]),
        (split, ["user_id:nobody"], "NOT_FOUND", ["identifiers", "0"]),
        (merge, ["user_id:u1"] * 101, "LIMIT", []),
    ],
)
async def test_what_cannot_be_meant(
    shop: Shop, ask: Any, identifiers: list[str], code: str, path: list[str]
) -> None:
    await shop.send(0, "identify", userId="u1", anonymousId="a1")
    await shop.send(0, userId="u2")
    await shop.send(0, userId="null", anonymousId="a9")
    await shop.work()
    answer = await ask(shop, *identifiers)
    assert (answer["code"], answer["path"]) == (code, path)
    assert (await shop.ask("{ changes(first: 5) { totalCount } }"))["changes"]["totalCount"] == 0


async def test_what_cannot_be_undone(shop: Shop) -> None:
    assert (await shop.command(UNDO, id="c_nobody"))["code"] == "NOT_FOUND"


async def test_members_of_segments_go_with_their_events(shop: Shop) -> None:
    rule = {"event": {"name": "Order Completed", "count": {"gte": 2}}}
    create = """mutation($rule: SegmentRule!) { createSegment(input: {key: "loyal", name: "Loyal",
      rule: $rule}) { __typename } }"""
    await shop.command(create, rule=rule)
    await shop.send(0, userId="u1", event="Order Completed")
    await shop.send(10, userId="u2", event="Order Completed")
    await shop.work()
    members = '{ segment(key: "loyal") { size } }'
    assert (await shop.ask(members))["segment"]["size"] == 0
    merged = await merge(shop, "user_id:u1", "user_id:u2")
    assert (await shop.ask(members))["segment"]["size"] == 1
    await undo(shop, merged["change"])
    assert (await shop.ask(members))["segment"]["size"] == 0
