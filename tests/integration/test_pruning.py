"""The change feed is kept for a while; who lags further behind is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphs import broken, event, installation

from cdp.pipeline import pruning
from cdp.platform.feed import PolledFeed
from graph_schema.errors import FeedPruned
from graph_schema.model.time import DAY


async def test_what_is_older_leaves_the_feed_and_the_audit_trail_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "CHUNK", 2)
    async with installation(tmp_path / "graph.db") as graph:
        graph.keep_feed = pruning.KEEP
        for number in range(5):
            await graph.take(event(f"m{number}", 90 * number, anonymous=f"a{number}"))
            await graph.work()
        await graph.take(event("login", 500, anonymous="a0", user="u1"))
        await graph.work()
        behind = await graph.store.feed_end()
        assert len(await graph.store.changes((), 99)) == 7
        graph.clock += 7 * DAY - 1
        await graph.work()
        assert len(await graph.store.changes((), 99)) == 7
        graph.clock += DAY
        await graph.take(event("now", 12_000, anonymous="a0"))
        await graph.work()
        assert len(await graph.store.changes(behind, 99)) == 1
        assert await graph.store.change_count(None, None, None) == 1
        assert broken(await graph.check()) == {}
        with pytest.raises(FeedPruned):
            async for _ in PolledFeed(graph.store).follow((0, 0)):
                pass
        async for entry in PolledFeed(graph.store).follow(behind):
            assert entry.seq == behind[entry.partition] + 1
            break
