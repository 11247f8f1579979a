"""`cdp check` and `cdp rebuild`: the graph, held against what the log says."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import msgspec
from rich.table import Table

from cdp.bootstrap import build, only_worker, opened
from cdp.cli.applying import apply_all
from cdp.cli.console import err, out, progress
from cdp.pipeline.check.findings import Report
from cdp.settings import Settings
from graph_schema.errors import BadInput, LogReplaced, PositionOutsideLog, WrongLog
from graph_schema.model.profile import ProfileIds
from graph_schema.sqlite.comparing import differences
from graph_schema.sqlite.swapping import put_in_place


def check(settings: Settings, *, as_json: bool) -> int:
    """Walks log and graph and names every broken invariant; exit 1 where there is one. Whatever waits
    in the log is applied first, so no worker may run meanwhile."""

    async def run(scratch: Path) -> Report:
        async with opened(build(settings)) as parts:
            await apply_all(parts, "applying what waits")
            with progress("walking log and graph") as shown:
                return await parts.check(scratch).run(shown)

    with only_worker(settings, _waiting), tempfile.TemporaryDirectory(dir=settings.data) as folder:
        report = asyncio.run(run(Path(folder) / "check.db"))
    if as_json:
        found = msgspec.to_builtins(report)
        out.print_json(data={"clean": report.clean, **found})
    else:
        _show(report)
    return 0 if report.clean else 1


def _show(report: Report) -> None:
    table = Table("invariant", "walked", "broken")
    for result in report.results:
        table.add_row(result.name, f"{result.walked:,}", f"{result.broken:,}")
    out.print(table)
    out.print(
        f"Of {report.records:,} records of the log {report.buried:,} are dead letters and"
        f" {report.erased:,} are erased; {report.letters:,} dead letters of the collector."
    )
    broken = [result for result in report.results if result.broken]
    for result in broken:
        out.print(f"\n{result.name} ({result.broken:,}): {result.says}")
        for example in result.examples:
            out.print(f"  {example}", soft_wrap=True)
        out.print(f"  {result.hint}")
    out.print(
        f"{len(broken)} invariants are broken." if broken else "The graph is what the log says."
    )


def rebuild(settings: Settings) -> int:
    """Derives the graph anew next to the old one, compares the two, and swaps. The old one is kept
    beside it with the ending `.old`; also one that was derived from another log."""
    if settings.graph != "sqlite":
        return _rebuild_in_place(settings)
    graph = settings.graph_file
    fresh = graph.with_suffix(".new")
    with only_worker(settings, _waiting):
        for leftover in (fresh, Path(f"{fresh}-wal"), Path(f"{fresh}-shm")):
            leftover.unlink(missing_ok=True)
        found = graph.exists()
        comparable = found and asyncio.run(_bring_up(settings))
        asyncio.run(_derive(settings, fresh, empty_too=comparable))
        named = ProfileIds(settings.hash_key).named
        findings = differences(graph, fresh, named) if comparable else []
        for finding in findings:
            err.print(finding)
        put_in_place(fresh, graph)
    if comparable and not findings:
        out.print("The new graph is in use; it equals the old one.")
    elif found:
        out.print("The new graph is in use; the old one differed and lies beside it as graph.old.")
    else:
        out.print("The new graph is in use; there was none before.")
    return 0


def _rebuild_in_place(settings: Settings) -> int:
    """A server has room for one graph: it is taken away and derived anew. Whoever reads meanwhile sees
    what is there so far."""

    async def run() -> None:
        async with opened(build(settings)) as parts:
            if not any(tail.position for tail in (await parts.log.tails()).values()):
                raise BadInput(reason="The log is empty: there is nothing to rebuild from.")
            await parts.take_graph_away()
            await apply_all(parts, "deriving the graph anew")

    with only_worker(settings, _waiting):
        asyncio.run(run())
    out.print("The graph was taken away and derived anew from the log.")
    return 0


async def _bring_up(settings: Settings) -> bool:
    """Applies what waits to the graph in use, so that it can be compared. False where it was derived
    from another log, or from another state of this one."""
    try:
        async with opened(build(settings)) as parts:
            await apply_all(parts, "applying what waits")
    except (WrongLog, PositionOutsideLog, LogReplaced) as error:
        err.print(f"The graph in use is not this log's ({error.code}): it is not compared.")
        return False
    return True


async def _derive(settings: Settings, fresh: Path, *, empty_too: bool) -> None:
    """Applies the whole log to a fresh graph. Raises BadInput where the log is empty, unless told that
    this may be: a graph must not be lost to a log that was never there."""
    async with opened(build(settings, graph=fresh)) as parts:
        empty = not any(tail.position for tail in (await parts.log.tails()).values())
        if empty and not empty_too:
            raise BadInput(reason="The log is empty: there is nothing to rebuild from.")
        await apply_all(parts, "deriving the graph anew")


def _waiting() -> None:
    err.print("A worker is at work on this folder: waiting until it ends.")
