"""Who follows the change feed goes on following when the graph was away for a while."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import cast

import pytest
from faulty import Faulty
from graph_values import commit, delta
from stores import SqlitePlace

from cdp.platform import feed
from cdp.platform.feed import PolledFeed
from graph_schema.model.change import ProfilesTouched
from graph_schema.store import GraphReading


async def test_a_graph_that_was_away_ends_no_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "AWAY_S", 0.001)
    store = SqlitePlace(tmp_path / "graph.db").store()
    await store.open()
    faulty = Faulty(store, random.Random(1))
    following = PolledFeed(cast("GraphReading", faulty)).follow(())
    first = asyncio.ensure_future(anext(following))
    await asyncio.sleep(0.02)
    faulty.away = True
    while faulty.failed < 3:  # noqa: ASYNC110 - what is waited for rings no bell
        await asyncio.sleep(0.001)
    faulty.away = False
    await commit(store, delta(changes=[ProfilesTouched(("p1",))]), partition=2)
    entry = await asyncio.wait_for(first, 30)
    assert (entry.partition, entry.seq, entry.change) == (2, 1, ProfilesTouched(("p1",)))
    await following.aclose()
    await store.close()
