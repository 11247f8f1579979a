"""From an HTTP call until GraphQL shows what it said, under a load of 500 events/s; beside the same
question about nothing new, asked in the same run.

    python benchmarks/visible.py --seconds 10
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
import uuid

import aiohttp
from running import Served, served

RATE = 500
BATCH = 25
QUERY = 'query($v: String!) { profile(identifier: {namespace: "user_id", value: $v}) { id } }'


async def send(session: aiohttp.ClientSession, shop: Served, users: list[str]) -> None:
    batch = [
        {"type": "track", "event": "Seen", "userId": user, "messageId": str(uuid.uuid4())}
        for user in users
    ]
    body = {"writeKey": shop.write_key, "batch": batch}
    async with session.post(f"{shop.address}/v1/batch", json=body) as reply:
        reply.raise_for_status()


async def ask(session: aiohttp.ClientSession, shop: Served, user: str) -> bool:
    headers = {"Authorization": f"Bearer {shop.token}"}
    body = {"query": QUERY, "variables": {"v": user}}
    async with session.post(f"{shop.address}/graphql", json=body, headers=headers) as reply:
        return (await reply.json())["data"]["profile"] is not None


async def measure(shop: Served, seconds: float) -> tuple[list[float], list[float]]:
    seen: list[float] = []
    asked: list[float] = []
    stop = asyncio.Event()

    async def load(session: aiohttp.ClientSession) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            await send(session, shop, [f"load-{(number * BATCH + n) % 2000}" for n in range(BATCH)])
            await asyncio.sleep(BATCH / RATE)

    async with aiohttp.ClientSession() as session:
        background = asyncio.create_task(load(session))
        await asyncio.sleep(1)
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            user = f"probe-{uuid.uuid4()}"
            started = time.perf_counter()
            await send(session, shop, [user])
            while not await ask(session, shop, user):  # noqa: ASYNC110 - a client polls
                await asyncio.sleep(0.002)
            seen.append(time.perf_counter() - started)
            started = time.perf_counter()
            await ask(session, shop, user)
            asked.append(time.perf_counter() - started)
        stop.set()
        await background
    return seen, asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    with served() as shop:
        seen, asked = asyncio.run(measure(shop, options.seconds))
    for name, values in (("visible after", seen), ("the question alone", asked)):
        ordered = sorted(values)
        p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
        middle = statistics.median(values)
        print(f"{name}: p50 {1000 * middle:.0f} ms, p99 {1000 * p99:.0f} ms, n {len(values)}")
    print(f"ratio of the medians: {statistics.median(seen) / statistics.median(asked):.1f}")


if __name__ == "__main__":
    main()
