"""Comparing two graphs row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from graph_schema.model.identifier import Key
from graph_schema.model.tally import Tally
from graph_schema.queries import queries
from graph_schema.sqlite.connection import reader

MOST_FINDINGS = 20
BY_IDENTIFIER = ("edge", "identifier")
_tally = msgspec.msgpack.Decoder(Tally).decode


def differences(one: Path, other: Path, named: Callable[[Key], str]) -> list[str]:
    """What the two say differently, a sentence each, at most twenty for each kind of thing. Dates at
    which something was looked at are no difference. `named` says which identifier is meant without
    its value, which is a person's."""
    left, right = reader(one), reader(other)
    try:
        return [
            finding
            for name, query in sorted(queries("graph_schema.sqlite").items())
            if name.startswith("compare_")
            for finding in _compare(name.removeprefix("compare_"), query, left, right, named)
        ]
    finally:
        left.close()
        right.close()


def _compare(
    kind: str,
    query: str,
    left: sqlite3.Connection,
    right: sqlite3.Connection,
    named: Callable[[Key], str],
) -> Iterator[str]:
    found = 0
    pairs = zip_longest(left.execute(query), right.execute(query))
    for mine, theirs in pairs:
        if mine != theirs and not _alike(mine, theirs):
            key = (mine or theirs)[0]
            told = named(key) if kind in BY_IDENTIFIER else key
            yield f"{kind} {told} is not what its events say by the rules in force"
            found += 1
            if found == MOST_FINDINGS or mine is None or theirs is None or mine[0] != theirs[0]:
                # Behind a row that only one has, nothing stands side by side any more.
                return


def _alike(mine: Any, theirs: Any) -> bool:
    """Equal but for the order inside a packed tally."""
    if mine is None or theirs is None or len(mine) != len(theirs):
        return False
    return all(
        a == b or (isinstance(a, bytes) and isinstance(b, bytes) and _equal_tallies(a, b))
        for a, b in zip(mine, theirs, strict=True)
    )


def _equal_tallies(a: bytes, b: bytes) -> bool:
    try:
        return _tally(a) == _tally(b)
    except msgspec.DecodeError:
        return False
