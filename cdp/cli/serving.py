"""`cdp serve`: collector, API and, as a process of its own, the worker."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.app import serving
from cdp.bootstrap import Parts, build, opened
from cdp.cli.console import err, out
from cdp.eventlog.partitioning import COMMANDS
from cdp.platform.platform import EmbeddedPlatform
from cdp.settings import Settings
from graph_schema.errors import BadInput

RESTART_S, LONGEST_RESTART_S = 0.5, 10.0
STOPPING_S = 20.0


def serve(settings: Settings, *, host: str, port: int, workers: int) -> int:
    """Runs until SIGTERM or SIGINT; then stops taking, finishes what is in hand, exits 0. `workers`: how
    many are started beside it, 0 for none. Raises BadInput where the graph cannot have so many."""
    return asyncio.run(_serve(settings, host, port, workers))


async def _serve(settings: Settings, host: str, port: int, workers: int) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    parts = build(settings)
    _check_workers(parts, workers)
    async with opened(parts):
        # The partitions' checkpoints belong to this log, or the start ends here with one sentence.
        await parts.store.checkpoint(COMMANDS, parts.log.log_id)
        platform = parts.platform()
        try:
            async with (
                _workers(settings, workers),
                _prepared(platform),
                serving(platform, parts.api_settings(), host=host, port=port) as bound,
            ):
                out.print(f"Listening on http://{_named(host)}:{bound}", soft_wrap=True)
                await stop.wait()
                err.print("Stopping: finishing what is in hand.")
        except OSError as error:
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else "no such host"
            raise BadInput(
                reason=f"{_named(host)}:{port} cannot be listened on ({why})."
            ) from error
    return 0


@asynccontextmanager
async def _prepared(platform: EmbeddedPlatform) -> AsyncIterator[None]:
    """Model and catalogue are read while the server starts; where they cannot be, who asks is told."""
    preparing = asyncio.create_task(platform.recommending.prepare(), name="recommender")
    try:
        yield
    finally:
        preparing.cancel()
        await asyncio.gather(preparing, return_exceptions=True)


def _named(host: str) -> str:
    """The host as it stands in an address."""
    return f"[{host}]" if ":" in host else host


def _check_workers(parts: Parts, workers: int) -> None:
    if workers > 1 and not parts.store.several_writers:
        raise BadInput(reason="The embedded graph has one worker: leave out --workers.")
    # One partition more than the events': that of the commands.
    if workers > parts.settings.partitions + 1:
        raise BadInput(
            reason=f"For {workers} workers there are too few partitions: set CDP_PARTITIONS to"
            f" {workers} or more."
        )


@asynccontextmanager
async def _workers(settings: Settings, count: int) -> AsyncIterator[None]:
    """The workers as child processes: in one interpreter a busy worker would starve the API. Started
    again where they die."""
    keepers: list[asyncio.Task[None]] = []
    try:
        for _ in range(count):
            process = await _start(settings)
            keepers.append(asyncio.create_task(_keep(settings, process), name="worker"))
        yield
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)


async def _start(settings: Settings) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cdp",
        "worker",
        "--with-parent",
        "--data",
        str(settings.data),
        env=_environment(settings),
        # Never written to: that it closes tells the child that this process is gone.
        stdin=asyncio.subprocess.PIPE,
    )


async def _keep(settings: Settings, process: Process) -> None:
    """Starts a worker again and again; one that dies as soon as it is started, less and less often."""
    pause_s = RESTART_S
    while True:
        started = time.monotonic()
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise
        lasted = time.monotonic() - started > LONGEST_RESTART_S
        pause_s = RESTART_S if lasted else min(2 * pause_s, LONGEST_RESTART_S)
        err.print(f"The worker ended ({code}); it is started again in {pause_s:g} s.")
        await asyncio.sleep(pause_s)
        process = await _start(settings)


async def _end(process: Process) -> None:
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOPPING_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def _environment(settings: Settings) -> dict[str, str]:
    """What the command line set, the child gets by the environment."""
    return {
        **os.environ,
        "CDP_GRAPH": settings.graph,
        "CDP_LOG": settings.log,
        "CDP_HASH_KEY": settings.hash_key.decode(),
        "CDP_PARTITIONS": str(settings.partitions),
        "CDP_LEASE": str(settings.lease_s),
        "CDP_BATCH_SIZE": str(settings.batch_size),
    }
