"""The scenarios of identity through the collector and GraphQL: bytes in, answers out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from shop import Shop, mids, names, open_shop
from stores import Place


@pytest.fixture
async def shop(place: Place, tmp_path: Path) -> AsyncIterator[Shop]:
    """On every kind of graph store. Whatever a scenario does, the walk of `cdp check` finds nothing."""
    async with open_shop(tmp_path / "data", place) as found:
        yield found
        await found.work()
        report = await found.check(tmp_path / "check.db")
        assert [result for result in report.results if result.broken] == []


async def test_1_what_was_anonymous_before_the_login(shop: Shop) -> None:
    await shop.send(0, anonymousId="a1", messageId="before")
    await shop.send(200, "identify", userId="u1", anonymousId="a1", messageId="login")
    await shop.work()
    profile = await shop.profile("user_id", "u1")
    assert names(profile) == {"u1", "a1"}
    assert mids(profile) == {"before", "login"}
    assert await shop.id_of("anonymous_id", "a1") == await shop.id_of("user_id", "u1")


async def test_2_across_devices(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", anonymousId="a1")
    await shop.send(100, anonymousId="a2", messageId="second device")
    await shop.send(200, "identify", userId="u1", anonymousId="a2")
    await shop.work()
    profile = await shop.profile("anonymous_id", "a2")
    assert names(profile) == {"u1", "a1", "a2"}
    assert "second device" in mids(profile)


async def test_3_an_email_stays_with_its_first_user(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", traits={"email": "E@x.y"})
    await shop.send(100, "identify", userId="u2", traits={"email": "e@x.y"})
    await shop.work()
    assert names(await shop.profile("user_id", "u1")) == {"u1", "e@x.y"}
    assert names(await shop.profile("user_id", "u2")) == {"u2"}


async def test_4_a_device_of_two_people_is_shared(shop: Shop) -> None:
    for half_hour in range(4):
        user = f"u{half_hour % 2 + 1}"
        minute = 120 * half_hour
        await shop.send(
            minute, "identify", userId=user, anonymousId="a1", messageId=f"by {user} {minute}"
        )
    await shop.send(1000, anonymousId="a1", messageId="nobody logged in")
    await shop.work()
    first, second = await shop.profile("user_id", "u1"), await shop.profile("user_id", "u2")
    device = await shop.profile("anonymous_id", "a1")
    assert names(first) == {"u1"} and names(second) == {"u2"}
    assert mids(first) == {"by u1 0", "by u1 240"}
    assert mids(second) == {"by u2 120", "by u2 360"}
    assert mids(device) == {"nobody logged in"}
    assert device is not None
    assert device["identifiers"]["edges"][0]["node"]["status"] == "SHARED"


async def test_5_a_guest_on_a_device_that_belongs_to_another(shop: Shop) -> None:
    for half_hour in range(9):
        await shop.send(120 * half_hour, "identify", userId="u1", anonymousId="a1")
    await shop.send(5000, "identify", userId="u2", anonymousId="a1", messageId="guest")
    await shop.work()
    assert names(await shop.profile("user_id", "u1")) == {"u1", "a1"}
    guest = await shop.profile("user_id", "u2")
    assert names(guest) == {"u2"} and mids(guest) == {"guest"}


@pytest.mark.parametrize("blocked", ["-1", "anonymous", "00-00", "NULL", ""])
async def test_6_blocked_values_merge_nobody(shop: Shop, blocked: str) -> None:
    await shop.send(0, userId=blocked, anonymousId="a1")
    await shop.send(10, userId=blocked, anonymousId="a2")
    await shop.send(20, userId=blocked)
    await shop.send(30, userId=None, anonymousId="a3")
    await shop.work()
    assert names(await shop.profile("anonymous_id", "a1")) == {"a1"}
    assert names(await shop.profile("anonymous_id", "a2")) == {"a2"}
    assert await shop.profile("user_id", blocked) is None
    stats = (await shop.ask("{ stats { events deadLetters } }"))["stats"]
    assert stats == {"events": 4, "deadLetters": 0}


async def test_7_null_removes_a_trait_and_the_empty_string_is_a_value(shop: Shop) -> None:
    await shop.send(0, "identify", userId="u1", traits={"plan": "pro", "city": "Ulm", "nick": "x"})
    await shop.send(10, "identify", userId="u1", traits={"plan": None, "city": ""})
    await shop.work()
    profile = await shop.profile("user_id", "u1")
    assert profile is not None
    assert profile["traits"] == {"city": "", "nick": "x"}


async def test_8_traits_in_the_context_of_a_track_change_nothing(shop: Shop) -> None:
    await shop.send(0, userId="u1", context={"traits": {"plan": "pro"}})
    await shop.work()
    profile = await shop.profile("user_id", "u1")
    assert profile is not None
    assert profile["traits"] == {}


async def test_9_alias(shop: Shop) -> None:
    await shop.send(0, anonymousId="a9", messageId="before")
    await shop.send(100, "alias", previousId="a9", userId="u1")
    await shop.send(110, "alias", previousId="u1", userId="u1")
    await shop.work()
    profile = await shop.profile("user_id", "u1")
    assert names(profile) == {"u1", "a9"}
    assert "before" in mids(profile)


async def test_15_an_old_id_answers_the_survivor(shop: Shop) -> None:
    await shop.send(0, anonymousId="a1")
    await shop.work()
    old = await shop.id_of("anonymous_id", "a1")
    await shop.send(100, "identify", userId="u1", anonymousId="a1")
    await shop.work()
    found = await shop.ask("query($id: ID!) { profile(id: $id) { id redirectedFrom } }", id=old)
    new = await shop.id_of("user_id", "u1")
    assert new != old
    assert found["profile"] == {"id": new, "redirectedFrom": old}


async def test_19_a_newsletter_kiosk(shop: Shop) -> None:
    for number in range(5):
        await shop.send(
            100 * number, "identify", anonymousId="a1", traits={"email": f"e{number}@x.y"}
        )
    await shop.work()
    ids = {await shop.id_of("email", f"e{number}@x.y") for number in range(5)}
    device = await shop.profile("anonymous_id", "a1")
    assert len(ids) == 5
    assert device is not None and device["id"] not in ids
    assert device["identifiers"]["edges"][0]["node"]["status"] == "SHARED"


async def test_a_kiosk_of_many_people_is_shared_without_counting(shop: Shop) -> None:
    for number in range(25):
        await shop.send(100 * number, "identify", userId=f"u{number}", anonymousId="kiosk")
        await shop.send(100 * number + 1, userId=f"u{number}", anonymousId="kiosk")
    await shop.work()
    device = await shop.profile("anonymous_id", "kiosk")
    assert device is not None
    assert device["identifiers"]["edges"][0]["node"]["status"] == "SHARED"
    assert names(device) == {"kiosk"} and not mids(device)
    assert len({await shop.id_of("user_id", f"u{number}") for number in range(25)}) == 25


async def test_a_message_id_twice(shop: Shop) -> None:
    await shop.send(0, userId="u1", messageId="same", event="Seen")
    await shop.send(0, userId="u1", messageId="same", event="Seen")
    await shop.send(0, userId="u1", messageId="same", event="Other")
    await shop.work()
    stats = (await shop.ask("{ stats { events deadLetters } }"))["stats"]
    assert stats == {"events": 1, "deadLetters": 1}


async def test_a_segment_is_filled_and_follows_the_stream(shop: Shop) -> None:
    await shop.send(0, userId="u1", event="Order Completed")
    await shop.work()
    create = """mutation($rule: SegmentRule!) { createSegment(input: {key: "buyers", name: "Buyers",
      rule: $rule}) { __typename ... on Problem { code message } } }"""
    rule = {"event": {"name": "Order Completed", "count": {"gte": 1}}}
    parts = shop._parts
    parts.commands._wait_s = 0.01
    found = await shop.ask(create, rule=rule)
    assert found["createSegment"]["__typename"] == "Pending"
    await shop.work()
    await shop.send(10, userId="u2", event="Order Completed")
    await shop.send(10, userId="u3", event="Seen")
    await shop.work()
    members = await shop.ask(
        '{ segment(key: "buyers") { status size members(first: 9) { edges { node { id } } } } }'
    )
    ids = {edge["node"]["id"] for edge in members["segment"]["members"]["edges"]}
    assert members["segment"]["status"] == "ACTIVE"
    assert ids == {await shop.id_of("user_id", "u1"), await shop.id_of("user_id", "u2")}
