"""The API over a fake platform, on a real port, and a client for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from fake_platform import FakePlatform

from api.app import serving
from api.auth import Scope
from api.settings import ApiSettings

ADMIN = "admin-token"
TOKENS = {
    ADMIN: frozenset({Scope.ADMIN}),
    "reader": frozenset({Scope.PROFILE_READ}),
    "pii": frozenset({Scope.PROFILE_READ, Scope.PII_READ}),
    "marketer": frozenset({Scope.SEGMENT_READ}),
    "writer": frozenset({Scope.SEGMENT_WRITE}),
    "decider": frozenset({Scope.IDENTITY_WRITE}),
    "shop": frozenset({Scope.RECOMMEND_READ}),
    "nobody": frozenset[Scope](),
}


class ApiClient:
    def __init__(self, session: aiohttp.ClientSession, url: str, platform: FakePlatform) -> None:
        self.session = session
        self.url = url
        self.platform = platform

    async def post(
        self, body: Any, token: str | None = ADMIN, **more: Any
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.post(
            f"{self.url}/graphql", json=body, headers=headers | more.pop("headers", {}), **more
        ) as reply:
            return reply.status, await reply.json()

    async def ask(self, query: str, token: str = ADMIN, **variables: Any) -> dict[str, Any]:
        """The whole answer of a query."""
        return (await self.post({"query": query, "variables": variables}, token))[1]

    async def data(self, query: str, token: str = ADMIN, **variables: Any) -> Any:
        """The data of a query that must have no errors."""
        answer = await self.ask(query, token, **variables)
        assert "errors" not in answer, answer
        return answer["data"]

    async def code(self, query: str, token: str = ADMIN, **variables: Any) -> str:
        """The code of the first error, which must be there."""
        answer = await self.ask(query, token, **variables)
        extensions = answer["errors"][0]["extensions"]
        assert extensions["requestId"]
        return str(extensions["code"])


async def until(condition: Callable[[], object]) -> None:
    """Waits for what another task brings about; the test's own time limit ends a wait in vain."""
    while not condition():  # noqa: ASYNC110 - the fakes have no event for each of these
        await asyncio.sleep(0.01)


@asynccontextmanager
async def api_client(platform: FakePlatform, **settings: Any) -> AsyncIterator[ApiClient]:
    chosen = ApiSettings(tokens=TOKENS, stopping=2.0, **settings)
    async with (
        serving(platform, chosen, host="127.0.0.1", port=0) as port,
        aiohttp.ClientSession() as session,
    ):
        yield ApiClient(session, f"http://127.0.0.1:{port}", platform)
