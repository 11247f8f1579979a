"""The HTTP application, and a server that runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from api.answers import Answering
from api.auth import Tokens
from api.collect import CollectView
from api.connections import Seal
from api.http import IN_HAND, BodyLimits, InHand, answered, server_log
from api.metrics import HealthView, Metrics
from api.platform import Platform
from api.settings import ApiSettings
from api.socket import SocketView
from api.view import GraphQLView

SOCKETS = web.AppKey("sockets", SocketView)


def create_app(platform: Platform, settings: ApiSettings) -> web.Application:
    """The application over a platform. Connects to nothing; run it without aiohttp's own
    decompression (`auto_decompress=False`), as `serving` does: the collector guards the inflated
    size itself."""
    metrics = Metrics()
    tokens = Tokens(settings.tokens)
    answering = Answering(platform, settings, Seal(settings.cursor_key or os.urandom(32)))
    socket = SocketView(answering, tokens, metrics, settings)
    app = web.Application(
        middlewares=[metrics.middleware, answered], client_max_size=settings.collect_body
    )
    app[IN_HAND] = InHand()
    collected = BodyLimits(settings.collect_body, settings.body_seconds)
    asked = BodyLimits(settings.limits.body, settings.body_seconds)
    CollectView(platform.collecting, collected).add_to(app)
    GraphQLView(answering, tokens, metrics, socket, asked).add_to(app)
    HealthView(platform, metrics).add_to(app)

    app.on_shutdown.append(_stop_taking)
    app[SOCKETS] = socket
    return app


@asynccontextmanager
async def serving(
    platform: Platform, settings: ApiSettings, *, host: str, port: int
) -> AsyncIterator[int]:
    """Serves on that address until the block ends; the value is the port that was bound (for port
    0 a free one). At the end: takes nothing new (503), finishes what is in hand for at most
    `settings.stopping` seconds, closes WebSockets, then the listening socket. Raises OSError where
    the address cannot be bound."""
    app = create_app(platform, settings)
    runner = web.AppRunner(
        app,
        auto_decompress=False,
        access_log=None,
        logger=server_log,
        shutdown_timeout=settings.stopping,
    )
    await runner.setup()
    try:
        listening = _listen(host, port)
        await web.SockSite(runner, listening).start()
        yield listening.getsockname()[1]
    finally:
        await _stop_taking(app)
        with suppress(TimeoutError):
            await asyncio.wait_for(app[IN_HAND].idle.wait(), settings.stopping)
        await runner.cleanup()


async def _stop_taking(app: web.Application) -> None:
    app[IN_HAND].stopping = True
    await app[SOCKETS].close_all()


def _listen(host: str, port: int) -> sockets.socket:
    family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
    return sockets.create_server((host, port), family=family, backlog=1024)
