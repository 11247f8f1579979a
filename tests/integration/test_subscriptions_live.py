"""Subscriptions over a real socket, fed by a worker in another process; a window passes by itself."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from serving import Server

RULE = {"event": {"name": "Seen", "count": {"gte": 1}, "within": "PT2S"}}
CREATE = """mutation($rule: SegmentRule!) {
  createSegment(input: {key: "now", name: "Here now", rule: $rule}) {
    __typename ... on Problem { message } } }"""


@asynccontextmanager
async def subscribed(
    session: aiohttp.ClientSession, server: Server, query: str
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with session.ws_connect(
        f"{server.address}/graphql", protocols=["graphql-transport-ws"]
    ) as socket:
        token = {"authorization": f"Bearer {server.token}"}
        await socket.send_json({"type": "connection_init", "payload": token})
        assert (await socket.receive_json(timeout=10))["type"] == "connection_ack"
        await socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": query}})
        yield socket


async def next_(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    while True:
        message = await socket.receive_json(timeout=20)
        if message["type"] == "next":
            assert "errors" not in message["payload"], message
            data: dict[str, Any] = message["payload"]["data"]
            return data


async def send(session: aiohttp.ClientSession, server: Server, **call: Any) -> None:
    call |= {"messageId": str(uuid.uuid4())}
    body = {"writeKey": server.write_key, "batch": [call]}
    async with session.post(f"{server.address}/v1/batch", json=body) as reply:
        assert reply.status == 200


async def test_changes_are_told_as_they_happen(tmp_path: Path) -> None:
    server = await asyncio.to_thread(Server, tmp_path / "data")
    try:
        async with aiohttp.ClientSession() as session:
            await _profile_changes(session, server)
            await _membership_changes(session, server)
    finally:
        assert await asyncio.to_thread(server.stop) == 0


async def _profile_changes(session: aiohttp.ClientSession, server: Server) -> None:
    await send(session, server, type="track", event="Seen", anonymousId="a1")
    identifier = '{ profile(identifier: {namespace: "anonymous_id", value: "a1"}) { id } }'
    found = None
    while found is None:
        found = (await asyncio.to_thread(server.ask, identifier))["profile"]
    old = found["id"]
    query = f'subscription {{ profileChanged(id: "{old}") {{ id redirectedFrom identified }} }}'
    async with subscribed(session, server, query) as socket:
        first = (await next_(socket))["profileChanged"]
        assert first == {"id": old, "redirectedFrom": None, "identified": False}
        await send(session, server, type="identify", anonymousId="a1", userId="u1")
        survivor = (await next_(socket))["profileChanged"]
        assert survivor["redirectedFrom"] == old
        assert survivor["identified"] is True


async def _membership_changes(session: aiohttp.ClientSession, server: Server) -> None:
    created = await asyncio.to_thread(server.ask, CREATE, rule=RULE)
    assert created["createSegment"]["__typename"] == "CreateSegmentSuccess", created
    query = 'subscription { segmentMembershipChanged(segment: "now") { kind cause } }'
    async with subscribed(session, server, query) as socket:
        await asyncio.sleep(0.3)
        await send(session, server, type="track", event="Seen", userId="u9")
        assert (await next_(socket))["segmentMembershipChanged"] == {
            "kind": "ENTERED",
            "cause": "EVENT",
        }
        # Nothing more happens: the window passes.
        assert (await next_(socket))["segmentMembershipChanged"] == {
            "kind": "EXITED",
            "cause": "TIME",
        }
