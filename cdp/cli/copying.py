"""`cdp copy`: the embedded graph moves to a server.

The graph is what the log says, so nothing is carried over: the server's graph is derived from the log,
and both are read and compared. The server's checkpoints tell how far it is: whatever ends the process,
the same command goes on from there.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import msgspec
from rich.table import Table

from cdp.bootstrap import Parts, build, only_worker, opened
from cdp.cli.applying import apply_all
from cdp.cli.console import err, out, progress
from cdp.pipeline.comparing.compare import Compared, compare
from cdp.settings import Settings, masked_address
from graph_schema.errors import BadInput
from graph_schema.model.time import SECOND, Micros, now
from graph_schema.neo4j.address import Address, parse

ROUNDS = 20
"""After so many tries the log grows faster than it can be applied."""


def copy(settings: Settings, to: str, *, as_json: bool) -> int:
    """Exit 1 where the two differ. Raises BadInput, StoreError."""
    address = _address(settings, to)
    target = msgspec.structs.replace(settings, graph=to)

    async def run() -> list[Compared]:
        async with opened(build(settings)) as source:
            await apply_all(source, "applying what waits")
            async with opened(build(target, named="--to")) as there:
                await _await_workers(there)
                await _derive(there, address)
                await _settle(source, there)
                with tempfile.TemporaryDirectory(dir=settings.data) as folder:
                    return await _compare(source, there, Path(folder))

    with only_worker(settings, _waiting):
        compared = asyncio.run(run())
    equal = not any(one.differ for one in compared)
    if as_json:
        out.print_json(data={"equal": equal, "kinds": msgspec.to_builtins(compared)})
    else:
        _show(compared)
        out.print(_advice(to) if equal else _DIFFER, soft_wrap=True)
    return 0 if equal else 1


def _address(settings: Settings, to: str) -> Address:
    try:
        address = parse(to)
    except ValueError as error:
        raise BadInput(reason=f"--to is wrong: {error}.") from error
    if settings.graph == "sqlite":
        return address
    if parse(settings.graph).shown == address.shown:
        raise BadInput(reason=f"The graph is at {address.shown} already: CDP_GRAPH names it.")
    raise BadInput(reason="cdp copy moves the embedded graph: CDP_GRAPH must be sqlite meanwhile.")


async def _await_workers(there: Parts) -> None:
    """What a copy that was killed held is free again when its lease ends; a worker's is renewed."""
    held = [one for one in await there.store.checkpoints() if one.owner and one.until > now()]
    if held:
        err.print("Waiting until the target's partitions are free.")
        until = max(one.until for one in held)
        await asyncio.sleep(max(0.0, (until - now()) / SECOND) + 0.1)
        await there.nobody_works()


async def _derive(there: Parts, address: Address) -> None:
    records = sum(tail.position for tail in (await there.log.tails()).values())
    applied = sum(one.position for one in await there.store.checkpoints())
    if applied:
        err.print(f"{applied:,} of {records:,} records are there already.")
    await apply_all(there, f"copying to {address.shown}")


async def _settle(source: Parts, there: Parts) -> None:
    """Until both stand at the same record, nothing of either waits for the background, and no
    membership turned over meanwhile: then whoever is in a segment at this moment is so in both.
    Raises BadInput where none such comes."""
    for _ in range(ROUNDS):
        moment = now()
        late = [await _is_late(parts, moment) for parts in (source, there)]
        if not any(late) and await _positions(source) == await _positions(there):
            return
        await apply_all(source, "applying what came meanwhile")
        await apply_all(there, "copying what came meanwhile")
    raise BadInput(reason="The log grows while it is copied: stop `cdp serve` until it is done.")


async def _is_late(parts: Parts, moment: Micros) -> bool:
    store = parts.store
    walking = any(version.walked is not None for version in await store.rules(0))
    return bool(walking or await store.due(moment, 1) or await store.waiting(1))


async def _positions(parts: Parts) -> dict[int, int]:
    return {one.partition: one.position for one in await parts.store.checkpoints() if one.position}


async def _compare(source: Parts, there: Parts, folder: Path) -> list[Compared]:
    with progress("comparing the two") as shown:
        return await compare(
            source.log, source.store, there.store, source.ids, folder / "compared.db", shown
        )


_DIFFER = (
    "The two differ: CDP_GRAPH should stay as it is. `cdp check` tells whether the embedded graph is"
    " what the log says; with CDP_GRAPH at the target it tells the same of that one, and `cdp rebuild`"
    " derives it anew."
)


def _advice(to: str) -> str:
    return (
        "Both hold the same. To use the copy, set this, with the password, and start again:\n"
        f"CDP_GRAPH={masked_address(to)}"
    )


def _show(compared: list[Compared]) -> None:
    table = Table("what", "source", "target", "differ")
    for one in compared:
        table.add_row(one.kind, f"{one.source:,}", f"{one.target:,}", f"{one.differ:,}")
    out.print(table)
    for one in compared:
        for example in one.examples:
            out.print(f"{one.kind}: {example}", soft_wrap=True)


def _waiting() -> None:
    err.print("A worker is at work on this folder: waiting until it ends.")
