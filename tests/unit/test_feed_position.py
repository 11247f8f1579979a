"""A follower's position in a feed of several partitions."""

from __future__ import annotations

from graph_schema.model.change import FeedEntry, ProfilesTouched, beyond, lies_behind
from graph_schema.store import Checkpoint, feed_position


def entry(partition: int, seq: int) -> FeedEntry:
    return FeedEntry(partition, seq, 1, ProfilesTouched(("p_1",)))


def test_an_entry_moves_its_own_partition_on() -> None:
    assert beyond((3, 7, 2), entry(1, 8)) == (3, 8, 2)


def test_a_partition_that_is_new_gets_its_place() -> None:
    assert beyond((), entry(2, 1)) == (0, 0, 1)
    assert beyond((5,), entry(1, 1)) == (5, 1)


def test_more_lies_behind_where_any_partition_has_more() -> None:
    assert lies_behind((9, 1), (5, 2))
    assert lies_behind((9,), (9, 0, 1))
    assert not lies_behind((9, 2), (9, 2))
    assert not lies_behind((9, 2, 4), (9, 1))
    assert not lies_behind((0,), ())


def test_the_end_of_a_feed_has_each_partition_at_its_place() -> None:
    assert feed_position([]) == ()
    found = feed_position([Checkpoint(2, "log", seq=5), Checkpoint(0, "log", seq=1)])
    assert found == (1, 0, 5)
