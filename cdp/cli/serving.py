"""`cdp serve`: collector, API and, as a process of its own, the worker."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.app import serving
from cdp.bootstrap import build, opened
from cdp.cli.console import err, out
from cdp.settings import Settings
from graph_schema.errors import BadInput

RESTART_S = 1.0
STOPPING_S = 20.0


def serve(settings: Settings, *, host: str, port: int, worker: bool) -> int:
    """Runs until SIGTERM or SIGINT; then stops taking, finishes what is in hand, exits 0."""
    return asyncio.run(_serve(settings, host, port, worker=worker))


async def _serve(settings: Settings, host: str, port: int, *, worker: bool) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    parts = build(settings)
    async with opened(parts):
        # The partition's checkpoint belongs to this log, or the start ends here with one sentence.
        await parts.store.checkpoint(0, parts.log.log_id)
        try:
            async with (
                _worker(settings, wanted=worker),
                serving(parts.platform(), parts.api_settings(), host=host, port=port) as bound,
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


def _named(host: str) -> str:
    """The host as it stands in an address."""
    return f"[{host}]" if ":" in host else host


@asynccontextmanager
async def _worker(settings: Settings, *, wanted: bool) -> AsyncIterator[None]:
    """The worker as a child process: in one interpreter a busy worker would starve the API. Started
    again where it dies."""
    if not wanted:
        yield
        return
    keeper = asyncio.create_task(_keep(settings), name="worker")
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def _keep(settings: Settings) -> None:
    while True:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cdp",
            "worker",
            "--data",
            str(settings.data),
            env=_environment(settings),
        )
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise
        err.print(f"The worker ended ({code}); it is started again.")
        await asyncio.sleep(RESTART_S)


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
        "CDP_BATCH_SIZE": str(settings.batch_size),
    }
