"""Running the worker from the command."""

from __future__ import annotations

import asyncio
import gc
import signal

from cdp.bootstrap import Parts, build, only_worker, opened
from cdp.cli.console import err, progress
from cdp.settings import Settings

# Decoded events and tallies hold no cycles; the collector's default of 700 objects walks each batch many
# times over for nothing (measured: a tenth of the worker's CPU).
_COLLECT_AFTER = 50_000


async def apply_all(parts: Parts, title: str = "applying the log") -> None:
    """Applies the log to its end, with a bar."""
    end = await parts.log.end(0)
    with progress(title) as report:
        worker = parts.worker(lambda position: report(position / end if end else 1.0))
        await worker.run(until_idle=True)


def work(settings: Settings, *, until_idle: bool) -> int:
    """`cdp worker`. SIGTERM and SIGINT: finish the batch in hand, exit 0."""

    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)

    async def run() -> None:
        async with opened(build(settings)) as parts:
            worker = parts.worker()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, worker.stop)
            if until_idle:
                await apply_all(parts)
            else:
                await worker.run()

    def waiting() -> None:
        err.print("Another worker is at work on this folder: this one waits until that one ends.")

    with only_worker(settings, waiting):
        asyncio.run(run())
    return 0
