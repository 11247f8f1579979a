"""What all HTTP handlers share: capped reading, JSON replies, request ids, errors in one shape."""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson
from aiohttp import web

from api.errors import (
    ApiError,
    BodyCutOff,
    BodyTooLarge,
    BodyTooSlow,
    MethodNotAllowed,
    NotFound,
    Stopping,
    kind_and_place,
    report,
    told,
)
from graph_schema.errors import StoreError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

GRAPHQL = "/graphql"
REQUEST_ID = web.RequestKey("request_id", str)
_GIVEN_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SECURITY = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class InHand:
    """How many requests are being answered, and whether new ones are taken."""

    def __init__(self) -> None:
        self.stopping = False
        self.idle = asyncio.Event()
        self.idle.set()
        self._requests = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """While one request is being answered."""
        self._requests += 1
        self.idle.clear()
        try:
            yield
        finally:
            self._requests -= 1
            if not self._requests:
                self.idle.set()


IN_HAND = web.AppKey("in_hand", InHand)


def _without_content(record: logging.LogRecord) -> bool:
    """aiohttp logs what it could not read, and from whom: a key in a header, a person's data in a
    path. Only what kind of failure it was, and where, may stay."""
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        record.msg = f"a request could not be served: {kind_and_place(error)}"
    record.args, record.exc_info, record.exc_text = (), None, None
    return True


server_log = logging.getLogger("cdp.api.server")
server_log.addFilter(_without_content)


class BodyLimits(NamedTuple):
    """Bytes as they come over the wire, and how long they may take."""

    bytes: int
    seconds: float


async def read_capped(request: web.Request, limits: BodyLimits) -> bytes:
    """The body as it came over the wire. Raises BodyTooLarge, before reading where its length is
    announced; BodyTooSlow; BodyCutOff."""
    if request.content_length is not None and request.content_length > limits.bytes:
        raise BodyTooLarge(limit=limits.bytes)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.seconds):
            async for part in request.content.iter_any():
                size += len(part)
                if size > limits.bytes:
                    raise BodyTooLarge(limit=limits.bytes)
                parts.append(part)
    except TimeoutError:
        raise BodyTooSlow(seconds=limits.seconds) from None
    except (ConnectionError, web.RequestPayloadError):
        raise BodyCutOff from None
    return b"".join(parts)


def json_reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=body if isinstance(body, bytes) else orjson.dumps(body),
        status=status,
        content_type="application/json",
        headers=_SECURITY | (headers or {}),
    )


def error_reply(request: web.Request, error: ApiError) -> web.Response:
    """GraphQL's shape on its own path, the collector's on all others."""
    headers = {"X-Request-Id": request[REQUEST_ID]}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status == 503:
        headers["Retry-After"] = "1"
    if request.path == GRAPHQL:
        return json_reply(told(error, request[REQUEST_ID]), error.status, headers)
    headers["Access-Control-Allow-Origin"] = "*"
    body = {"success": False, "code": error.code, "message": error.message}
    return json_reply(body, error.status, headers)


class Unavailable(ApiError):
    """Log or graph cannot be used at the moment ({reason}): ask again; `cdp check` says more."""

    code = "UNAVAILABLE"
    status = 503


class Unforeseen(ApiError):
    """Something went wrong here; the log knows more under this request id."""

    code = "INTERNAL"
    status = 500


@web.middleware
async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Gives every request an id and every failure the product's shape."""
    given = request.headers.get("X-Request-Id", "")
    request[REQUEST_ID] = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
    in_hand = request.app[IN_HAND]
    if in_hand.stopping and request.path != "/healthz":
        return error_reply(request, Stopping())
    try:
        with in_hand.one():
            return await handler(request)
    except ApiError as error:
        return error_reply(request, error)
    except web.HTTPNotFound:
        return error_reply(request, NotFound())
    except StoreError as error:
        report(error, request[REQUEST_ID])
        return error_reply(request, Unavailable(reason=error.code))
    except web.HTTPMethodNotAllowed as error:
        if error.allowed_methods <= {"OPTIONS"}:
            return error_reply(request, NotFound())
        methods = ", ".join(sorted(error.allowed_methods))
        return error_reply(request, MethodNotAllowed(methods=methods))
    except web.HTTPException:
        raise
    except Exception as error:  # noqa: BLE001 - the last place where it can be told without its text
        report(error, request[REQUEST_ID])
        return error_reply(request, Unforeseen())
