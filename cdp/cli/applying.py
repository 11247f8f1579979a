"""Running the worker from the command."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection
from contextlib import nullcontext

from cdp.bootstrap import Parts, build, only_worker, opened
from cdp.cli.console import err, progress
from cdp.pipeline.worker import Worker
from cdp.settings import Settings

# Decoded events and tallies hold no cycles; the collector's default of 700 objects walks each batch many
# times over for nothing (measured: a tenth of the worker's CPU).
_COLLECT_AFTER = 50_000


async def apply_all(
    parts: Parts,
    title: str = "applying the log",
    started: Callable[[Worker], None] = lambda worker: None,
    partitions: Collection[int] = (),
) -> None:
    """Applies the log to its end, with a bar. `started` is handed the worker before it begins."""
    records = sum(tail.position for tail in (await parts.log.tails()).values())
    with progress(title) as report:
        worker = parts.worker(lambda done: report(done / records if records else 1.0), partitions)
        started(worker)
        await worker.run(until_idle=True)


def work(
    settings: Settings,
    *,
    until_idle: bool,
    partitions: Collection[int] = (),
    with_parent: bool = False,
) -> int:
    """`cdp worker`. SIGTERM and SIGINT: finish the batch in hand, exit 0. `with_parent`: likewise when
    standard input is closed, which happens when the process at its other end dies, however it dies."""
    if with_parent:
        threading.Thread(target=_end_with_input, name="parent", daemon=True).start()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    parts = build(settings)

    async def run() -> None:
        async with opened(parts):
            if until_idle:
                await apply_all(parts, started=_stopped_by_signals, partitions=partitions)
            else:
                worker = parts.worker(partitions=partitions)
                _stopped_by_signals(worker)
                await worker.run()

    def waiting() -> None:
        err.print("Another worker is at work on this folder: this one waits until that one ends.")

    alone = nullcontext() if parts.store.several_writers else only_worker(settings, waiting)
    with alone:
        asyncio.run(run())
    return 0


def _end_with_input() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _stopped_by_signals(worker: Worker) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, worker.stop)
