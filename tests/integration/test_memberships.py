"""What becomes of memberships when profiles are joined and split."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from graphs import IDS, broken, event, installation

from graph_schema.model.command import CreateSegment

BUYERS = CreateSegment(
    id="c-buyers", actor="ann", at=0, key="buyers", name="Buyers",
    rule={"event": {"name": "Order Completed"}},
)  # fmt: skip
USER = IDS.of("user_id:u1")


def memberships(path: Path) -> list[tuple[str, int, int | None]]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT profile, from_rec, to_rec FROM member").fetchall()
    connection.close()
    return found


@pytest.mark.parametrize("device", [f"a{number}" for number in range(6)])
async def test_a_profile_that_is_split_keeps_its_memberships(tmp_path: Path, device: str) -> None:
    """Whichever of the two comes first in the order of their ids."""
    async with installation(tmp_path / "graph.db") as graph:
        await graph.ask(BUYERS)
        await graph.take(event("m1", 0, anonymous=device, user="u1", name="Order Completed"))
        await graph.work()
        before = memberships(graph.path)
        assert [(profile, to_rec) for profile, _, to_rec in before] == [(USER, None)]
        # The device turns out to be shared: it leaves, and the order stays with who placed it.
        await graph.take(event("m2", 100, anonymous=device, user="u2"))
        await graph.work()
        assert memberships(graph.path) == before
        assert broken(await graph.check()) == {}


def test_both_orders_are_tried() -> None:
    orders = {IDS.of(f"anonymous_id:a{number}") < USER for number in range(6)}
    assert orders == {True, False}
