"""One installation in a folder, spoken to as a client and as a marketer would: bytes in, answers out."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from stores import Place

from api.answers import Answering, Question
from api.auth import Principal, Scope
from api.connections import Seal
from cdp.bootstrap import Parts, build, opened
from cdp.collector.recording import Recorder
from cdp.pipeline.check.findings import Report
from cdp.settings import load
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import MINUTE, from_iso, to_iso

START = from_iso("2026-11-01T08:00:00Z")
FIELDS = """id identified traits
  identifiers(first: 50) { edges { node { namespace value status } } }
  sessions(first: 50) { edges { node { eventCount user { value } } } }
  events(first: 50) { edges { node { messageId } } }"""


class Shop:
    """One installation, spoken to as a client and as a marketer would."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._platform = parts.platform()
        settings = parts.api_settings()
        self._answering = Answering(self._platform, settings, Seal(settings.cursor_key))
        self._number = 0

    async def send(self, minute: float, kind: str = "track", **call: Any) -> None:
        self._number += 1
        call |= {"type": kind, "messageId": call.get("messageId", f"m{self._number}")}
        call |= {"timestamp": to_iso(START + int(minute * MINUTE))}
        if kind == "track":
            call.setdefault("event", "Seen")
        # sentAt equal to the server's clock: the time is taken as the client gave it.
        body = {"batch": [call], "sentAt": to_iso(from_iso("2026-11-20T00:00:00Z"))}
        call["originalTimestamp"] = call["timestamp"]
        reply = await self._platform.collecting.collect(
            "batch",
            json.dumps(body).encode(),
            content_type="application/json",
            content_encoding="",
            authorization=f"Basic {_basic(self._parts.settings.write_keys[0])}",
            client_ip="",
            verbose=False,
        )
        assert reply.status == 200, reply.body

    async def work(self) -> None:
        await self._parts.worker().run(until_idle=True)

    async def check(self, scratch: Path) -> Report:
        return await self._parts.check(scratch).run()

    async def ask(
        self, query: str, *, without: Scope | None = None, **variables: Any
    ) -> dict[str, Any]:
        """By somebody who may do everything, but for one thing."""
        everything = Principal("test", frozenset(Scope) - {without})
        answer = await self._answering.answer(Question(query, variables, None), everything, "test")
        assert not answer.body.get("errors"), answer.body
        data: dict[str, Any] = answer.body["data"]
        return data

    def impatient(self) -> None:
        """From now on nobody waits for the worker."""
        self._parts.commands._wait_s = 0.01
        self._platform._past._wait_s = 0.01

    async def command(self, query: str, **variables: Any) -> dict[str, Any]:
        """A mutation, applied by a worker that runs meanwhile. Its one field's answer."""
        asking = asyncio.create_task(self.ask(query, **variables))
        while not asking.done():
            await self.work()
            await asyncio.sleep(0.001)
        (answer,) = (await asking).values()
        found: dict[str, Any] = answer
        return found

    async def code(self, query: str, **variables: Any) -> str:
        """The code of the error that a question is answered with."""
        everything = Principal("test", frozenset(Scope))
        answer = await self._answering.answer(Question(query, variables, None), everything, "test")
        code: str = answer.body["errors"][0]["extensions"]["code"]
        return code

    async def profile(self, namespace: str, value: str) -> dict[str, Any] | None:
        query = "query($i: IdentifierInput!) { profile(identifier: $i) {" + FIELDS + "} }"
        found = await self.ask(query, i={"namespace": namespace, "value": value})
        profile: dict[str, Any] | None = found["profile"]
        return profile

    async def id_of(self, namespace: str, value: str) -> str:
        profile = await self.profile(namespace, value)
        assert profile is not None
        return str(profile["id"])


def _basic(key: str) -> str:
    return base64.b64encode(f"{key}:".encode()).decode()


def named(*identifiers: str) -> list[dict[str, str]]:
    """namespace:value as inputs."""
    return [
        dict(zip(("namespace", "value"), one.split(":", 1), strict=True)) for one in identifiers
    ]


def names(profile: dict[str, Any] | None) -> set[str]:
    assert profile is not None
    return {edge["node"]["value"] for edge in profile["identifiers"]["edges"]}


def mids(profile: dict[str, Any] | None) -> set[str]:
    assert profile is not None
    return {edge["node"]["messageId"] for edge in profile["events"]["edges"]}


@asynccontextmanager
async def open_shop(
    folder: Path, place: Place, rules: IdentityRules | None = None
) -> AsyncIterator[Shop]:
    """With its graph in that place."""
    parts = build(load({"CDP_DATA": str(folder), **place.settings}, {}))
    if rules is not None:
        recorder = Recorder(rules, parts.settings.partitions)
        parts = msgspec.structs.replace(parts, rules=rules, recorder=recorder)
    async with opened(parts) as parts:
        yield Shop(parts)
