"""Subscriptions over a real WebSocket: graphql-transport-ws."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest
from api_client import ADMIN, ApiClient, api_client, until
from fake_platform import START, shop

from graph_schema.model.change import ChangeKind, ChangePart, IdentityChange, ProfilesTouched
from graph_schema.model.change import MembershipChange as StoredMembershipChange
from graph_schema.model.segment import MembershipCause

PROTOCOL = "graphql-transport-ws"
PROFILE = "subscription ($id: ID!) { profileChanged(id: $id) { id redirectedFrom lastSeenAt } }"
MEMBERS = """subscription ($after: String) { segmentMembershipChanged(segment: "gold", after: $after)
  { kind profileId profile { id } segment { key } at cause event { name } cursor } }"""

CHANGES = """subscription ($after: String) { identityChanged(after: $after)
  { id kind before { profileId } cursor } }"""


class Socket:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.raw = socket

    async def send(self, type_: str, **more: Any) -> None:
        await self.raw.send_json({"type": type_} | more)

    async def get(self) -> Any:
        return await asyncio.wait_for(self.raw.receive_json(), 5)

    async def closed(self) -> int | None:
        message = await asyncio.wait_for(self.raw.receive(), 5)
        assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}
        return self.raw.close_code

    async def begin(self, token: str = ADMIN) -> Socket:
        await self.send("connection_init", payload={"authorization": f"Bearer {token}"})
        assert await self.get() == {"type": "connection_ack"}
        return self

    async def subscribe(self, id_: str, query: str, **variables: Any) -> None:
        await self.send("subscribe", id=id_, payload={"query": query, "variables": variables})

    async def next(self, id_: str) -> Any:
        message = await self.get()
        assert (message["type"], message["id"]) == ("next", id_), message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def quiet(self) -> None:
        """Nothing is waiting: a ping is answered next."""
        await self.send("ping")
        assert await self.get() == {"type": "pong"}


@pytest.fixture
async def api() -> AsyncIterator[ApiClient]:
    async with api_client(shop(), socket_init=0.3) as client:
        yield client


async def connect(api: ApiClient, **more: Any) -> Socket:
    more = {"protocols": [PROTOCOL]} | more
    return Socket(await api.session.ws_connect(f"{api.url}/graphql", **more))


@pytest.mark.parametrize(
    "payload",
    [{"authorization": f"Bearer {ADMIN}"}, {"Authorization": f"Bearer {ADMIN}"}, {"token": ADMIN}],
)
async def test_the_token_in_the_payload(api: ApiClient, payload: dict[str, str]) -> None:
    socket = await connect(api)
    await socket.send("connection_init", payload=payload)
    assert await socket.get() == {"type": "connection_ack"}


async def test_the_token_in_the_header(api: ApiClient) -> None:
    socket = await connect(api, headers={"Authorization": f"Bearer {ADMIN}"})
    await socket.send("connection_init")
    assert await socket.get() == {"type": "connection_ack"}


@pytest.mark.parametrize("payload", [None, {}, {"token": "wrong"}, {"token": 7}, "text"])
async def test_without_a_token_it_is_closed(api: ApiClient, payload: Any) -> None:
    socket = await connect(api)
    await socket.send("connection_init", payload=payload)
    assert await socket.closed() == 4403


async def test_who_says_nothing_is_closed(api: ApiClient) -> None:
    assert await (await connect(api)).closed() == 4408


async def test_the_protocol_is_kept(api: ApiClient) -> None:
    socket = await connect(api)
    await socket.subscribe("1", "{ __typename }")
    assert await socket.closed() == 4401

    socket = await connect(api)
    await socket.send("nonsense")
    assert await socket.closed() == 4400

    socket = await (await connect(api)).begin()
    await socket.send("connection_init")
    assert await socket.closed() == 4429

    for broken in ("{", "[]", "7", '{"type":"subscribe"}', '{"type":"subscribe","id":7}'):
        socket = await (await connect(api)).begin()
        await socket.raw.send_str(broken)
        assert await socket.closed() == 4400

    socket = await (await connect(api)).begin()
    await socket.raw.send_bytes(b"{}")
    assert await socket.closed() == 4400

    socket = await (await connect(api)).begin()
    await socket.subscribe("1", PROFILE, id="p_0001")
    await socket.next("1")
    await socket.subscribe("1", PROFILE, id="p_0001")
    assert await socket.closed() == 4409

    with_other = await api.session.ws_connect(f"{api.url}/graphql", protocols=["graphql-ws"])
    assert (await with_other.receive()).type is aiohttp.WSMsgType.CLOSE
    assert with_other.close_code == 4406


async def test_a_plain_get_is_no_query(api: ApiClient) -> None:
    async with api.session.get(f"{api.url}/graphql") as reply:
        assert reply.status == 405
        assert (await reply.json())["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"


async def test_a_profile_now_and_after_each_change(api: ApiClient) -> None:
    socket = await (await connect(api)).begin()
    await socket.subscribe("a", PROFILE, id="p_0001")
    first = await socket.next("a")
    assert first["profileChanged"]["redirectedFrom"] is None

    await api.platform.feed.put(ProfilesTouched(("p_0002",)))
    old = api.platform.profiles.stored["p_0001"]
    api.platform.profiles.stored["p_0001"] = msgspec.structs.replace(old, last_at=START)
    await api.platform.feed.put(ProfilesTouched(("p_0001", "p_0002")))
    second = await socket.next("a")
    assert second["profileChanged"]["lastSeenAt"] == "2026-11-01T10:00:00.000Z"
    await socket.quiet()


async def test_after_a_merge_it_is_the_survivor_and_an_erasure_ends_it(api: ApiClient) -> None:
    socket = await (await connect(api)).begin()
    await socket.subscribe("a", PROFILE, id="p_0002")
    await socket.next("a")

    profiles = api.platform.profiles
    del profiles.stored["p_0002"]
    profiles.retired["p_0002"] = "p_0001"
    one, two = ChangePart("p_0001", ()), ChangePart("p_0002", ())
    await api.platform.feed.put(
        IdentityChange("c_9", ChangeKind.MERGE, START, "m", (one, two), (one,))
    )
    merged = (await socket.next("a"))["profileChanged"]
    assert (merged["id"], merged["redirectedFrom"]) == ("p_0001", "p_0002")

    await api.platform.feed.put(ProfilesTouched(("p_0001",)))
    assert (await socket.next("a"))["profileChanged"]["id"] == "p_0001"

    profiles.retired["p_0002"] = "nobody"
    await api.platform.feed.put(ProfilesTouched(("p_0001",)))
    assert await socket.get() == {"type": "complete", "id": "a"}


async def test_an_unknown_profile_ends_at_once(api: ApiClient) -> None:
    socket = await (await connect(api)).begin()
    await socket.subscribe("a", PROFILE, id="p_none")
    assert await socket.get() == {"type": "complete", "id": "a"}


def entered(profile: str, *, kind: bool = True, segment: str = "gold") -> StoredMembershipChange:
    return StoredMembershipChange(segment, profile, kind, START, MembershipCause.EVENT, "m1-0")


async def test_memberships_and_how_they_resume(api: ApiClient) -> None:
    socket = await (await connect(api)).begin()
    await socket.subscribe("a", MEMBERS)
    await socket.quiet()
    await until(lambda: api.platform.feed.followers)
    await api.platform.feed.put(entered("p_0001"))
    await api.platform.feed.put(entered("p_0001", segment="silver"))
    first = (await socket.next("a"))["segmentMembershipChanged"]
    assert (first["kind"], first["profileId"], first["cause"]) == ("ENTERED", "p_0001", "EVENT")
    assert first["event"] == {"name": "Product Viewed"}
    await socket.send("complete", id="a")
    await until(lambda: not api.platform.feed.followers)

    await api.platform.feed.put(entered("p_0002", kind=False))
    await api.platform.feed.put(entered("p_old"))
    await socket.subscribe("b", MEMBERS, after=first["cursor"])
    missed = [(await socket.next("b"))["segmentMembershipChanged"] for _ in range(2)]
    assert [(one["kind"], one["profileId"]) for one in missed] == [
        ("EXITED", "p_0002"),
        ("ENTERED", "p_old"),
    ]
    assert missed[1]["profile"] is None


async def test_identity_changes_go_on_where_the_client_left_off(api: ApiClient) -> None:
    def merged(id_: str) -> IdentityChange:
        parts = (ChangePart("p_old", ()), ChangePart("p_0001", ()))
        return IdentityChange(id_, ChangeKind.MERGE, START, "m1-0", parts, parts[1:])

    socket = await (await connect(api)).begin("reader")
    await socket.subscribe("a", CHANGES)
    await until(lambda: api.platform.feed.followers)
    await api.platform.feed.put(entered("p_0001"))
    await api.platform.feed.put(merged("c_1"))
    first = (await socket.next("a"))["identityChanged"]
    assert (first["id"], first["kind"], first["before"][0]["profileId"]) == (
        "c_1", "MERGE", "p_old",
    )  # fmt: skip
    await socket.send("complete", id="a")
    await until(lambda: not api.platform.feed.followers)
    for id_ in ("c_2", "c_3"):
        await api.platform.feed.put(merged(id_))
    await socket.subscribe("b", CHANGES, after=first["cursor"])
    missed = [(await socket.next("b"))["identityChanged"]["id"] for _ in range(2)]
    assert missed == ["c_2", "c_3"]


@pytest.mark.parametrize(
    ("token", "query", "code"),
    [
        ("shop", CHANGES, "FORBIDDEN"),
        ("shop", PROFILE, "FORBIDDEN"),
        ("reader", MEMBERS, "FORBIDDEN"),
        (ADMIN, MEMBERS.replace("$after)", '"broken")'), "BAD_CURSOR"),
        (ADMIN, "subscription { nothing }", "VALIDATION_FAILED"),
        (ADMIN, "{", "PARSE_FAILED"),
        (ADMIN, PROFILE.replace("ID!)", "ID!, $x: Int!)"), "VALIDATION_FAILED"),
    ],
)
async def test_what_cannot_be_streamed_is_an_error_with_a_code(
    api: ApiClient, token: str, query: str, code: str
) -> None:
    socket = await (await connect(api)).begin(token)
    query = query.replace("($after: String)", "") if "broken" in query else query
    await socket.subscribe("a", query, id="p_0001")
    message = await socket.get()
    assert (message["type"], message["id"]) == ("error", "a")
    assert message["payload"][0]["extensions"]["code"] == code
    await socket.quiet()


async def test_a_failing_store_ends_the_stream_with_a_code(api: ApiClient) -> None:
    socket = await (await connect(api)).begin()
    await socket.subscribe("a", PROFILE, id="p_0001")
    await socket.next("a")
    api.platform.profiles.broken = True
    await api.platform.feed.put(ProfilesTouched(("p_0001",)))
    message = await socket.get()
    assert message["type"] == "error"
    assert message["payload"][0]["extensions"]["code"] == "INTERNAL"
    assert "ada@" not in str(message)


async def test_queries_and_mutations_run_over_the_socket_too(api: ApiClient) -> None:
    socket = await (await connect(api)).begin()
    await socket.subscribe("q", "{ stats { lag } }")
    assert await socket.next("q") == {"stats": {"lag": 0.25}}
    assert await socket.get() == {"type": "complete", "id": "q"}


async def test_leaving_ends_the_streams(api: ApiClient) -> None:
    socket = await (await connect(api)).begin()
    await socket.subscribe("a", PROFILE, id="p_0001")
    await socket.next("a")
    await until(lambda: api.platform.feed.followers)
    await socket.raw.close()
    await until(lambda: not api.platform.feed.followers)


async def test_a_client_opens_so_many_streams_at_most() -> None:
    async with api_client(shop(), socket_operations=2) as api:
        socket = await (await connect(api)).begin()
        for id_ in ("a", "b"):
            await socket.subscribe(id_, PROFILE, id="p_0001")
            await socket.next(id_)
        await socket.subscribe("c", PROFILE, id="p_0001")
        assert await socket.closed() == 4429


async def test_a_client_that_takes_nothing_is_let_go() -> None:
    platform = shop(people=1, events=100)
    async with api_client(platform, socket_send=0.3) as api:
        socket = await (await connect(api)).begin()
        query = """subscription { profileChanged(id: "p_0001") { events(first: 100) { edges { node {
          a: properties b: context c: properties d: properties } } } } }"""
        await socket.subscribe("a", query)
        await until(lambda: platform.feed.followers)
        socket.raw._conn.protocol.pause_reading()  # type: ignore[union-attr]
        for _ in range(300):
            await platform.feed.put(ProfilesTouched(("p_0001",)))
        await until(lambda: not platform.feed.followers)
        assert platform.asked["by_ids"] < 300
