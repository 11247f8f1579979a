"""Durable events/s over HTTP, batches of 100 over 8 connections, beside a bare aiohttp handler that only
decodes the same bytes, in the same run.

    python benchmarks/collector.py --seconds 5
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
import uuid

import aiohttp
from aiohttp import web
from running import served

BATCH = 100
CONNECTIONS = 8


def body(write_key: str) -> bytes:
    """A batch of typical track events with ids of their own."""
    context = {
        "library": {"name": "analytics.js"},
        "locale": "de-DE",
        "page": {"url": "https://x.example/"},
    }
    return json.dumps(
        {
            "writeKey": write_key,
            "batch": [
                {
                    "type": "track",
                    "event": "Product Viewed",
                    "messageId": str(uuid.uuid4()),
                    "anonymousId": str(uuid.uuid4()),
                    "timestamp": "2026-11-20T10:00:00.000Z",
                    "properties": {"product_id": "p1", "name": "Shoe", "price": 19.99},
                    "context": context,
                }
                for _ in range(BATCH)
            ],
        }
    ).encode()


async def load(url: str, write_key: str, seconds: float) -> float:
    """Events acknowledged a second."""
    bodies = [body(write_key) for _ in range(64)]
    until = time.perf_counter() + seconds
    taken = 0

    async def one(session: aiohttp.ClientSession, offset: int) -> None:
        nonlocal taken
        number = offset
        while time.perf_counter() < until:
            number += CONNECTIONS
            headers = {"Content-Type": "application/json"}
            async with session.post(url, data=bodies[number % 64], headers=headers) as reply:
                if reply.status != 200:
                    raise SystemExit(f"{reply.status}: {await reply.text()}")
                taken += BATCH

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
        await asyncio.gather(*(one(session, offset) for offset in range(CONNECTIONS)))
    return taken / seconds


async def _bare(request: web.Request) -> web.Response:
    json.loads(await request.read())
    return web.json_response({"success": True})


def bare() -> None:
    app = web.Application()
    app.router.add_post("/v1/batch", _bare)
    web.run_app(app, host="127.0.0.1", port=8399, print=None, access_log=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        bare()
        return
    with served(worker=False) as shop:
        mine = asyncio.run(load(f"{shop.address}/v1/batch", shop.write_key, options.seconds))
    process = subprocess.Popen([sys.executable, __file__, "--bare"])
    try:
        time.sleep(2)
        peer = asyncio.run(load("http://127.0.0.1:8399/v1/batch", "", options.seconds))
    finally:
        process.terminate()
        process.wait(10)
    print(f"ours {mine:,.0f} durable events/s; bare {peer:,.0f} events/s; ratio {mine / peer:.2f}")


if __name__ == "__main__":
    main()
