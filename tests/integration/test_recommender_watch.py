"""The watch over the recommender: from clients' events to GraphQL and `cdp train --if-drifted`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shop import Shop

from cdp.bootstrap import build, opened
from cdp.cli import training
from cdp.cli.main import run
from cdp.cli.training import Asked, trained
from cdp.evaluation.log_tail import REST, Tail, read_on
from cdp.evaluation.watching import watch
from cdp.eventlog.memory import MemoryEventLog
from cdp.settings import Settings, load
from gnn.watch import request_id
from graph_schema.model.record import NewRecord, RecordKind
from graph_schema.model.time import DAY, now

VERSION = "r_0123456789abcdef"
WATCH = """{ recommenderWatch { recommender profiles withoutKnownItem interactions itemShift
  eventShift drift clickThrough { recommender personal shown clicked rate } } }"""


def answer(number: int, *, personal: bool = True, version: str = VERSION) -> str:
    return request_id(version, personal=personal, drawn=f"{number:020x}")


def record(name: str, day: int = 1, kind: str = "track", **properties: Any) -> NewRecord:
    said = {
        "message_id": "m",
        "name": name,
        "type": kind,
        "at": day * DAY,
        "properties": properties,
    }
    return NewRecord(RecordKind.EVENT, json.dumps(said).encode(), "d")


async def test_the_log_is_read_once_and_each_answer_counts_once(tmp_path: Path) -> None:
    log = MemoryEventLog(now)
    await log.open()
    file = tmp_path / "tail.json"
    first = [
        record("Recommendations Shown", recommendation_id=answer(1)),
        record("Recommendations Shown", recommendation_id=answer(1)),
        record("Recommendations Shown", recommendation_id=answer(2)),
        record("Recommendations Shown", recommendation_id=answer(3, personal=False)),
        record("Product Clicked", recommendation_id=answer(1)),
        record("Product Viewed", recommendation_id="no answer's"),
        record("Product Viewed", recommendation_id=["r"]),
        record("page", kind="page", recommendation_id=answer(2)),
        NewRecord(RecordKind.EVENT, b'{"no": "event"}', "d"),
    ]
    await log.append(first)
    tail = await read_on(log, file)
    assert tail.shown == {f"{VERSION}p": 2, f"{VERSION}f": 1}
    assert tail.clicked == {f"{VERSION}p": 1}
    assert tail.days == {
        1: {"Recommendations Shown": 4, "Product Clicked": 1, "Product Viewed": 2, "page": 1}
    }
    await log.append([
        record("Order Completed", day=2, recommendation_id=answer(1)),
        record("Product Clicked", day=2, recommendation_id=answer(2)),
    ])  # fmt: skip
    again = await read_on(log, file)
    assert again.clicked == {f"{VERSION}p": 2}
    assert again.events(2, 3) == {"Order Completed": 1, "Product Clicked": 1}
    assert (await read_on(log, file)) == again
    file.write_text("{")
    assert (await read_on(log, file)).clicked == again.clicked
    assert Tail(log="another") != again


async def test_what_the_tail_keeps_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cdp.evaluation.log_tail.MOST_NAMES", 2)
    monkeypatch.setattr("cdp.evaluation.log_tail.DAYS", 2)
    monkeypatch.setattr("cdp.evaluation.log_tail.REMEMBERED", 3)
    log = MemoryEventLog(now)
    await log.open()
    await log.append(
        [record(f"n{n}", day=d) for d in (1, 2, 3) for n in range(4) for _ in range(n)]
    )
    await log.append(
        [record("Recommendations Shown", day=3, recommendation_id=answer(n)) for n in range(9)]
    )
    tail = await read_on(log, tmp_path / "tail.json")
    assert tail.days == {
        2: {"n3": 3, "n2": 2, REST: 1},
        3: {"Recommendations Shown": 9, "n3": 3, REST: 3},
    }
    assert tail.newest_shown == [answer(n) for n in (6, 7, 8)]
    again = await read_on(log, tmp_path / "tail.json")
    assert again.days == tail.days


# ── over a whole installation ──────────────────────────────────────────────────────────────────


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    yield load({"CDP_DATA": str(tmp_path / "data")}, {})


async def views(
    shop: Shop, people: range, items: range, minute: float, name: str, ids: str = "first"
) -> None:
    for person in people:
        for item in items:
            await shop.send(
                minute + item,
                event=name,
                userId=f"u{person}",
                properties={"product_id": f"i{item}"},
                messageId=f"{ids}-{person}-{item}",
            )


async def test_from_events_to_graphql(settings: Settings) -> None:
    async with opened(build(settings)) as parts:
        shop = Shop(parts)
        assert (await shop.ask("{ recommenderWatch { at } }")) == {"recommenderWatch": None}
        await views(shop, range(25), range(10), 0.0, "Product Viewed")
        await shop.send(0, userId="stranger")
        await shop.work()
        await trained(parts, Asked(model="item_knn", name="first"))
        query = """{ recommend(identifier: {namespace: "user_id", value: "%s"}, first: 2) {
          requestId fallback } }"""
        known = (await shop.ask(query % "u1"))["recommend"]
        unknown = (await shop.ask(query % "nobody"))["recommend"]
        assert (known["fallback"], unknown["fallback"]) == (None, "UNKNOWN_PROFILE")
        for found in (known, unknown):
            about = {"recommendation_id": found["requestId"]}
            await shop.send(9, event="Recommendations Shown", userId="u1", properties=about)
        about = {"recommendation_id": known["requestId"]}
        await shop.send(9, event="Product Clicked", userId="u1", properties=about)
        await shop.work()
        await watch(parts.store, parts.log, parts.artifacts, now)
        assert (await shop.ask(WATCH))["recommenderWatch"] == {
            "recommender": "first", "profiles": 26, "withoutKnownItem": 1, "interactions": 0,
            "itemShift": None, "eventShift": None, "drift": None,
            "clickThrough": [
                {"recommender": "first", "personal": True, "shown": 1, "clicked": 1, "rate": 1.0},
                {"recommender": "first", "personal": False, "shown": 1, "clicked": 0, "rate": 0.0},
            ],
        }  # fmt: skip
        # Two days later other people want other things, and do other things.
        await views(shop, range(50, 75), range(20, 30), 2 * 24 * 60.0, "Product Added")
        await shop.work()
        found = await watch(parts.store, parts.log, parts.artifacts, now)
        assert found.interactions == 250
        assert found.without_known_item == 26
        assert found.item_shift is not None and found.item_shift > 1
        assert found.event_shift is not None and found.event_shift > 1
        drift = (await shop.ask(WATCH))["recommenderWatch"]["drift"]
        assert drift.startswith("the items are others than in training")


async def test_it_is_trained_again_only_where_the_data_has_moved(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(build(settings)) as parts:
        await views(Shop(parts), range(25), range(10), 0.0, "Product Viewed")
        await Shop(parts).work()

    def again(*more: str) -> list[str]:
        arguments = ("train", "--model", "item_knn", "--if-drifted", "--data", str(settings.data))
        # `run` has an event loop of its own.
        assert _apart(lambda: run([*arguments, *more])) == 0
        return [one.name for one in build(settings).artifacts.versions()]

    assert len(again("--name", "first")) == 1  # none is in service yet
    assert len(again()) == 1
    assert "Nothing has drifted" in capsys.readouterr().err
    assert _apart(lambda: run(["models", "watch", "--data", str(settings.data)])) == 0
    assert "Nothing says" in capsys.readouterr().out
    async with opened(build(settings)) as parts:
        shop = Shop(parts)
        await views(shop, range(50, 75), range(20, 30), 2 * 24 * 60.0, "Product Added", "later")
        await shop.work()
    assert len(again()) == 2
    assert "It is trained again: the items are others" in capsys.readouterr().err

    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(training.time, "sleep", sleep)
    every = ["train", "--model", "item_knn", "--every", "1d", "--data", str(settings.data)]
    assert _apart(lambda: run(every)) == 130
    assert slept == [86_400.0] * 3
    assert len(build(settings).artifacts.versions()) == 5
    assert _apart(lambda: run([*every, "--name", "x"])) == 2


def _apart(call: Any) -> Any:
    """In a thread of its own: the event loop of the test is not its own."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()
