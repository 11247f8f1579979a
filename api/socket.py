"""GraphQL over WebSocket: the protocol graphql-transport-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. Each operation is a task that asks
for its next answer only when the last one has been taken by the socket; a client that takes nothing
for a while is let go.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

import orjson
from aiohttp import WSMsgType, web

from api.answers import Answer, Answering, Question, refusal
from api.auth import Principal, Tokens
from api.errors import ApiError, Unauthenticated
from api.http import REQUEST_ID
from api.metrics import Metrics
from api.settings import ApiSettings

PROTOCOL = "graphql-transport-ws"

BAD_MESSAGE = 4400
UNAUTHORIZED = 4401
FORBIDDEN = 4403
INIT_TIMEOUT = 4408
SUBSCRIBER_EXISTS = 4409
TOO_MANY = 4429
NO_PROTOCOL = 4406
GOING_AWAY = 1001


class SocketView:
    """Serves sockets and knows which are open, to close them when the server stops."""

    def __init__(
        self, answering: Answering, tokens: Tokens, metrics: Metrics, settings: ApiSettings
    ) -> None:
        self._answering = answering
        self._tokens = tokens
        self._metrics = metrics
        self._settings = settings
        self._open: weakref.WeakSet[web.WebSocketResponse] = weakref.WeakSet()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            protocols=(PROTOCOL,), max_msg_size=self._settings.socket_message, heartbeat=30.0
        )
        await socket.prepare(request)
        if socket.ws_protocol != PROTOCOL:
            await socket.close(code=NO_PROTOCOL, message=b"Subprotocol not acceptable")
            return socket
        self._open.add(socket)
        connection = _Connection(self, socket, request)
        try:
            await connection.run()
        finally:
            self._open.discard(socket)
            await connection.end()
        return socket

    async def close_all(self) -> None:
        for socket in tuple(self._open):
            await socket.close(code=GOING_AWAY, message=b"The server is stopping")

    @property
    def answering(self) -> Answering:
        return self._answering

    @property
    def tokens(self) -> Tokens:
        return self._tokens

    @property
    def metrics(self) -> Metrics:
        return self._metrics

    @property
    def settings(self) -> ApiSettings:
        return self._settings


class _Closed(Exception):
    """The socket was closed with this code."""


class _Connection:
    """One client: who it is, and its operations by id."""

    def __init__(
        self, view: SocketView, socket: web.WebSocketResponse, request: web.Request
    ) -> None:
        self._view = view
        self._socket = socket
        self._header = request.headers.get("Authorization", "")
        self._request_id = request[REQUEST_ID]
        self._principal: Principal | None = None
        self._operations: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Reads messages until the client leaves or breaks the protocol."""
        try:
            await self._begin()
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT:
                    await self._close(BAD_MESSAGE, "Messages are text")
                await self._take(_read(message.data))
        except _Closed:
            return

    async def end(self) -> None:
        """Stops what is still running."""
        tasks = tuple(self._operations.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin(self) -> None:
        try:
            message = await self._socket.receive(self._view.settings.socket_init)
        except TimeoutError:
            await self._close(INIT_TIMEOUT, "Connection initialisation timeout")
        if message.type in {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED}:
            raise _Closed
        body = _read(message.data) if message.type is WSMsgType.TEXT else {}
        if body.get("type") == "subscribe":
            await self._close(UNAUTHORIZED, "Unauthorized")
        if body.get("type") != "connection_init":
            await self._close(BAD_MESSAGE, "connection_init comes first")
        try:
            self._principal = self._view.tokens.principal(_token(body) or self._header)
        except Unauthenticated:
            await self._close(FORBIDDEN, "Forbidden")
        await self._send({"type": "connection_ack"})

    async def _take(self, body: dict[str, Any]) -> None:
        kind, id_ = body.get("type"), body.get("id")
        if kind == "ping":
            await self._send({"type": "pong"})
        elif kind == "pong":
            return
        elif kind == "connection_init":
            await self._close(TOO_MANY, "Too many initialisation requests")
        elif kind == "complete" and isinstance(id_, str):
            task = self._operations.pop(id_, None)
            if task is not None:
                task.cancel()
        elif kind == "subscribe" and isinstance(id_, str) and 0 < len(id_) <= 128:
            await self._subscribe(id_, body.get("payload"))
        else:
            await self._close(BAD_MESSAGE, "Invalid message")

    async def _subscribe(self, id_: str, payload: Any) -> None:
        if id_ in self._operations:
            await self._close(SUBSCRIBER_EXISTS, f"Subscriber for {id_} already exists")
        if len(self._operations) >= self._view.settings.socket_operations:
            await self._close(TOO_MANY, "Too many operations")
        task = asyncio.create_task(self._operate(id_, payload))
        self._operations[id_] = task
        task.add_done_callback(lambda done: self._forget(id_, done))

    def _forget(self, id_: str, task: asyncio.Task[None]) -> None:
        if self._operations.get(id_) is task:
            del self._operations[id_]
        if not task.cancelled():
            task.exception()

    async def _operate(self, id_: str, payload: Any) -> None:
        request = f"{self._request_id}.{id_}"
        assert self._principal is not None
        try:
            question = Question.of(payload)
        except ApiError as error:
            await self._answer(id_, refusal(error, request))
            return
        found = await self._view.answering.stream(question, self._principal, request)
        if isinstance(found, Answer):
            if await self._answer(id_, found):
                await self._send({"type": "complete", "id": id_})
            return
        with self._view.metrics.streams.track_inprogress():
            await self._stream(id_, found)

    async def _stream(self, id_: str, answers: AsyncIterator[Answer]) -> None:
        async with aclosing(cast("Any", answers)):
            async for answer in answers:
                if not await self._answer(id_, answer):
                    return
        await self._send({"type": "complete", "id": id_})

    async def _answer(self, id_: str, answer: Answer) -> bool:
        """Sends an answer; False where it was an error that ends the operation."""
        if answer.refused is not None:
            self._view.metrics.refused.labels(answer.refused).inc()
            await self._send({"type": "error", "id": id_, "payload": answer.body["errors"]})
            return False
        await self._send({"type": "next", "id": id_, "payload": answer.body})
        return True

    async def _send(self, body: dict[str, Any]) -> None:
        """Waits until the socket has room; a client that makes none in time is let go."""
        try:
            async with asyncio.timeout(self._view.settings.socket_send):
                await self._socket.send_str(orjson.dumps(body).decode())
        except TimeoutError as error:
            await self._socket.close(code=GOING_AWAY, message=b"Too slow", drain=False)
            raise _Closed from error
        except ConnectionError as error:
            raise _Closed from error

    async def _close(self, code: int, reason: str) -> None:
        await self._socket.close(code=code, message=reason.encode()[:120])
        raise _Closed


def _read(text: str) -> dict[str, Any]:
    """A message as an object; an empty one where it is none, which no type fits."""
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _token(body: dict[str, Any]) -> str:
    """The token of connection_init: {"authorization": "Bearer …"} or {"token": …}."""
    payload = body.get("payload")
    if not isinstance(payload, dict):
        return ""
    for name, value in payload.items():
        if name.lower() == "authorization" and isinstance(value, str):
            return value
    token = payload.get("token")
    return f"Bearer {token}" if isinstance(token, str) else ""
