"""What a late event costs: on a shared device with ever more sessions, and on a device that is never
silent, whose one visit grows ever longer. And what a login costs on the shared device. CPU time.

python benchmarks/late.py --sessions 1000 10000 --events 1000 10000
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

from graphs import Installation, event, installation

from graph_schema.model.event import Event

TRIES = 9
APART = 40
"""Minutes between the sessions of the shared device."""


def kiosk(sessions: int) -> list[Event]:
    """Two people logged in on it equally often, so it is nobody's; everyone else did not log in."""
    logins = [event(f"login-{n}", APART * n, anonymous="kiosk", user=f"u{n % 2}") for n in range(4)]
    rest = [event(f"m{n}", APART * n, anonymous="kiosk") for n in range(4, sessions)]
    return logins + rest


def probe(events: int) -> list[Event]:
    """A minute lies between its events, so that it is all one visit."""
    return [
        event(f"m{n}", n, anonymous="probe", user="u1" if n == 0 else None) for n in range(events)
    ]


async def median_ms(graph: Installation, tries: Sequence[Sequence[Event]]) -> float:
    """CPU time; each of the tries is a batch of its own."""
    taken = []
    for events in tries:
        await graph.take(*events)
        started = time.process_time()
        await graph.work()
        taken.append(1_000 * (time.process_time() - started))
    return statistics.median(taken)


async def on_a_kiosk(folder: Path, sessions: int) -> None:
    async with installation(folder / f"kiosk-{sessions}.db") as graph:
        await graph.take(*kiosk(sessions))
        await graph.work()
        middle = APART * (sessions // 2)
        inside = [
            [event(f"late-{n}", middle + n * APART + 1, anonymous="kiosk")] for n in range(TRIES)
        ]
        between = [
            [event(f"between-{n}", middle - n * APART + 35, anonymous="kiosk")]
            for n in range(TRIES)
        ]
        named = [
            [event(f"named-{n}", 400 + n * APART - 1, anonymous="kiosk", user="u0")]
            for n in range(TRIES)
        ]
        minute = APART * (sessions + 1)
        in_order = await median_ms(
            graph,
            [[event(f"now-{n}", minute + n * APART, anonymous="kiosk")] for n in range(TRIES)],
        )
        logins = await median_ms(
            graph,
            [
                [event(f"user-{n}", minute + n * APART + 1, anonymous="kiosk", user="u1")]
                for n in (TRIES - 1,)
            ],
        )
        late = await median_ms(graph, inside)
        alone = await median_ms(graph, between)
        moved = await median_ms(graph, named)
    print(
        f"shared device, {sessions:,} sessions: in order {in_order:.1f} ms;"
        f" a login after an anonymous event {logins:.1f} ms;"
        f" late behind a session's event {late:.1f} ms; late before one {alone:.1f} ms;"
        f" a late login {moved:.1f} ms"
    )


async def on_a_probe(folder: Path, events: int) -> None:
    async with installation(folder / f"probe-{events}.db") as graph:
        await graph.take(*probe(events))
        await graph.work()
        middle = events // 2
        in_order = await median_ms(
            graph, [[event(f"now-{n}", events + n, anonymous="probe")] for n in range(TRIES)]
        )
        late = await median_ms(
            graph, [[event(f"late-{n}", middle + n + 0.5, anonymous="probe")] for n in range(TRIES)]
        )
        stranger = await median_ms(
            graph, [[event("split", middle + 100.5, anonymous="probe", user="u2")]]
        )
    print(
        f"never silent, {events:,} events in its visit: in order {in_order:.1f} ms;"
        f" late {late:.1f} ms; late, of another user {stranger:.1f} ms"
    )


async def run(sessions: Sequence[int], events: Sequence[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for count in sessions:
            await on_a_kiosk(Path(folder), count)
        for count in events:
            await on_a_probe(Path(folder), count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--events", type=int, nargs="*", default=[1_000, 10_000])
    options = parser.parse_args()
    asyncio.run(run(options.sessions, options.events))


if __name__ == "__main__":
    main()
