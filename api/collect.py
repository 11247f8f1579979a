"""The HTTP face of the collector: hands the bytes on, and answers what the product says."""

from __future__ import annotations

from aiohttp import web

from api.errors import NotFound
from api.http import BodyLimits, json_reply, read_capped
from api.platform import Collecting

CALLS = frozenset({"identify", "track", "page", "screen", "group", "alias", "batch"})
SHORT = frozenset({"i", "t", "p", "s", "g", "a", "b", "m"})
"""The browser client's forms; `m` are its own metrics."""

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Content-Encoding, X-Retry-Count",
    # Without this a page's client cannot see how long it is asked to wait.
    "Access-Control-Expose-Headers": "Retry-After, X-Request-Id",
    "Access-Control-Max-Age": "86400",
}


class CollectView:
    def __init__(self, collecting: Collecting, body: BodyLimits) -> None:
        self._collecting = collecting
        self._body = body

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/v1/{call}", self.collect)
        app.router.add_options("/v1/{rest:.*}", self.preflight)
        app.router.add_get("/v1/projects/{key}/settings", self.settings)

    async def collect(self, request: web.Request) -> web.Response:
        call = request.match_info["call"]
        if call not in CALLS and call not in SHORT:
            raise NotFound
        body = await read_capped(request, self._body)
        reply = await self._collecting.collect(
            call,
            body,
            # Where there is no header, aiohttp would say application/octet-stream.
            content_type=request.content_type if "Content-Type" in request.headers else "",
            content_encoding=request.headers.get("Content-Encoding", ""),
            authorization=request.headers.get("Authorization", ""),
            client_ip=request.remote or "",
            verbose=request.query.get("verbose") in {"1", "true"},
        )
        headers = dict(CORS)
        if reply.retry_after is not None:
            headers["Retry-After"] = str(reply.retry_after)
        return json_reply(reply.body, reply.status, headers)

    async def preflight(self, request: web.Request) -> web.Response:
        return web.Response(status=204, headers=CORS)

    async def settings(self, request: web.Request) -> web.Response:
        found = self._collecting.settings(request.match_info["key"])
        if found is None:
            raise NotFound
        return json_reply(found, headers=CORS)
