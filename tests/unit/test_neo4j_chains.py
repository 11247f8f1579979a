"""What is recorded of a thing again and again, put together before it is written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graph_schema.neo4j.chains import Link, chained


def appended(chain: list[Link], link: Link) -> list[Link]:
    """What a graph holds after one more row: as the contract of `Delta.assigned` says it."""
    since, a, b, _ = link
    if chain and since <= chain[-1][0]:
        return [*chain[:-1], [chain[-1][0], a, b, None]]
    ended = [[*chain[-1][:3], since]] if chain else []
    return [*chain[:-1], *ended, [since, a, b, None]]


def put(chain: list[Link], links: list[Link]) -> list[Link]:
    """What the statement does with a chain: all but the last of what it overwrites is left out."""
    instead = [link for link in links if chain and link[0] <= chain[-1][0]]
    behind = [link for link in links if not chain or link[0] > chain[-1][0]]
    for link in instead[-1:]:
        chain = [*chain[:-1], [chain[-1][0], *link[1:3], None]]
    if chain and behind:
        chain = [*chain[:-1], [*chain[-1][:3], behind[0][0]]]
    return [*chain, *behind]


rows = st.lists(st.tuples(st.integers(0, 5), st.integers(), st.integers()), max_size=8)


@given(rows, rows)
def test_a_chain_is_what_its_rows_would_have_made(before, after) -> None:
    known: list[Link] = []
    for row in before:
        known = appended(known, [*row, None])
    one_by_one = known
    for row in after:
        one_by_one = appended(one_by_one, [*row, None])
    links = chained(["k", *row] for row in after).get("k", [])
    assert put(known, links) == one_by_one


def test_each_key_has_a_chain_of_its_own() -> None:
    found = chained([["a", 1, "x", 0], ["b", 1, "y", 0], ["a", 2, "z", 0], ["a", 2, "w", 1]])
    assert found == {
        "a": [[1, "x", 0, 2], [2, "w", 1, None]],
        "b": [[1, "y", 0, None]],
    }
