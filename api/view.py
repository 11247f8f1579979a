"""POST /graphql."""

from __future__ import annotations

from aiohttp import web

from api.answers import Answering, Question
from api.auth import Tokens
from api.errors import MethodNotAllowed, WrongContentType
from api.http import GRAPHQL, REQUEST_ID, BodyLimits, json_reply, read_capped
from api.metrics import Metrics
from api.socket import SocketView


class GraphQLView:
    def __init__(
        self,
        answering: Answering,
        tokens: Tokens,
        metrics: Metrics,
        socket: SocketView,
        body: BodyLimits,
    ) -> None:
        self._answering = answering
        self._tokens = tokens
        self._metrics = metrics
        self._socket = socket
        self._body = body

    def add_to(self, app: web.Application) -> None:
        app.router.add_post(GRAPHQL, self.post)
        app.router.add_get(GRAPHQL, self.get)

    async def post(self, request: web.Request) -> web.Response:
        principal = self._tokens.principal(request.headers.get("Authorization", ""))
        encoding = request.headers.get("Content-Encoding", "identity")
        if request.content_type != "application/json" or encoding != "identity":
            raise WrongContentType
        question = Question.read(await read_capped(request, self._body))
        answer = await self._answering.answer(question, principal, request[REQUEST_ID])
        if answer.refused is None:
            self._metrics.cost.observe(answer.cost)
        else:
            self._metrics.refused.labels(answer.refused).inc()
        return json_reply(answer.body, answer.status, {"X-Request-Id": request[REQUEST_ID]})

    async def get(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            raise MethodNotAllowed(methods="POST, and WebSocket")
        return await self._socket.serve(request)
