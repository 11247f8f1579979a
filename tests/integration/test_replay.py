"""Records that could not be applied are tried again, as a command in the log asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphs import Installation, broken, event, installation
from snapshots import timeless

from cdp.pipeline import sessions as pipeline_sessions
from graph_schema.model.command import ReplayRecord
from graph_schema.model.event import Event
from graph_schema.model.record import NewRecord, RecordKind
from identity import fold


def again(position: int, partition: int, id_: str = "c-again") -> ReplayRecord:
    return ReplayRecord(id=id_, actor="ann", at=0, partition=partition, position=position)


async def with_one_dead(graph: Installation, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """(partition, position) of an event that this version could not apply."""
    with monkeypatch.context() as patched:
        patched.setattr(pipeline_sessions.fold, "add", failing_add)
        for mid, user in (("m1", None), ("m2", "u1"), ("m3", None)):
            await graph.take(event(mid, int(mid[1]), anonymous="a1", user=user))
        await graph.work()
    (dead,) = await graph.store.dead_records((0, 0), 9)
    assert dead.reason == "apply_failed"
    return dead.partition, dead.position


_add = fold.add


def failing_add(tally: object, one: Event) -> None:
    if one.message_id == "m2":
        raise ZeroDivisionError
    _add(tally, one)


async def test_what_can_be_applied_now_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with installation(tmp_path / "a.db") as graph:
        partition, position = await with_one_dead(graph, monkeypatch)
        await graph.ask(again(position, partition))
        await graph.work()
        assert await graph.store.dead_records((0, 0), 9) == []
        (outcome,) = await graph.store.outcomes(["c-again"])
        assert outcome is not None and outcome.problem == ""
        assert broken(await graph.check()) == {}
        once = await timeless(graph.store)
        (stored,) = await graph.store.recorded(["m2"])
        assert stored is not None and (stored.partition, stored.position) == (partition, position)
        # Asked once more, nothing is to be done.
        await graph.ask(again(position, partition, "c-twice"))
        await graph.work()
        assert (await graph.store.totals()).events == 3
    async with installation(tmp_path / "b.db") as never:
        for mid, user in (("m1", None), ("m2", "u1"), ("m3", None)):
            await never.take(event(mid, int(mid[1]), anonymous="a1", user=user))
        await never.work()
        assert await timeless(never.store) == once


async def test_what_still_cannot_be_applied_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation(tmp_path / "a.db") as graph:
        await graph.log.append([NewRecord(RecordKind.EVENT, b"no event", "a1")])
        await graph.work()
        (dead,) = await graph.store.dead_records((0, 0), 9)
        await graph.ask(again(dead.position, dead.partition))
        await graph.work()
        assert await graph.store.dead_records((0, 0), 9) == [dead]
        (outcome,) = await graph.store.outcomes(["c-again"])
        assert outcome is not None and outcome.problem == "STILL_DEAD"
        assert broken(await graph.check()) == {}
