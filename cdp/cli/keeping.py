"""`cdp check` and `cdp rebuild`: the graph, held against what the log says."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from cdp.bootstrap import GRAPH_FILE, build, only_worker, opened
from cdp.cli.applying import apply_all
from cdp.cli.console import err, out
from cdp.settings import Settings
from graph_schema.errors import BadInput
from graph_schema.sqlite.comparing import dangling, differences


def check(settings: Settings) -> int:
    """Derives the graph anew from the log, in a folder of its own, and compares it with the one in
    use; then follows every reference. Exit 1 where something is wrong. Whatever waits in the log is
    applied first, so no worker may run meanwhile."""
    with only_worker(settings, _waiting), tempfile.TemporaryDirectory(dir=settings.data) as folder:
        fresh = Path(folder) / GRAPH_FILE
        asyncio.run(_derive(settings, fresh))
        findings = differences(settings.data / GRAPH_FILE, fresh) + dangling(
            settings.data / GRAPH_FILE
        )
    for finding in findings:
        out.print(finding, markup=False)
    out.print("The graph is what the log says." if not findings else f"{len(findings)} findings.")
    return 1 if findings else 0


def rebuild(settings: Settings) -> int:
    """Derives the graph anew next to the old one, compares the two, and swaps. The old one is kept
    beside it with the ending `.old`."""
    graph = settings.data / GRAPH_FILE
    fresh = graph.with_suffix(".new")
    with only_worker(settings, _waiting):
        for leftover in (fresh, Path(f"{fresh}-wal"), Path(f"{fresh}-shm")):
            leftover.unlink(missing_ok=True)
        readable = asyncio.run(_derive(settings, fresh, apply_old=graph.exists()))
        findings = differences(graph, fresh) if readable else []
        for finding in findings:
            err.print(finding, markup=False)
        if graph.exists():
            for ending in ("-wal", "-shm"):
                Path(f"{graph}{ending}").unlink(missing_ok=True)
            graph.replace(graph.with_suffix(".old"))
        fresh.replace(graph)
    out.print(
        "The new graph is in use; it equals the old one."
        if readable and not findings
        else "The new graph is in use; the old one differed and lies beside it as graph.old."
    )
    return 0


async def _derive(settings: Settings, fresh: Path, *, apply_old: bool = True) -> bool:
    """Applies what waits to the graph in use, then the whole log to a fresh one."""
    if apply_old:
        async with opened(build(settings)) as parts:
            await apply_all(parts, "applying what waits")
    async with opened(build(settings, graph=fresh)) as parts:
        if await parts.log.end(0) == 0 and apply_old is False:
            raise BadInput(reason="The log is empty: there is nothing to rebuild from.")
        await apply_all(parts, "deriving the graph anew")
    return apply_old


def _waiting() -> None:
    err.print("A worker is at work on this folder: waiting until it ends.")
