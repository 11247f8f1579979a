"""Cuts all evidence into parts that do not touch each other, so that each is resolved by itself."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Sequence

from cdp.pipeline.check.scratch import Scratch
from graph_schema.model.evidence import Decision

PART = 20_000
"""Identifiers resolved at once. What hangs together over any evidence, also refused, is more where it
must be: in a shop with kiosks and tablets that can be most of it."""


def cut(scratch: Scratch, decisions: Sequence[Decision]) -> int:
    """Numbers the parts, and tells the scratch which identifier is in which. Answers their count."""
    ((count,),) = scratch.rows("sight_count")
    parents = array("q", range(count + 1))
    for one, other in scratch.stream("pairs"):
        _join(parents, (one, other))
    for decision in decisions:
        keys = [*decision.left, *decision.right]
        _join(parents, [number for (number,) in scratch.rows("numbers", keys=json.dumps(keys))])
    return _number(scratch, parents)


def _number(scratch: Scratch, parents: array[int]) -> int:
    """Small components share a part; a component is never in two."""
    sizes = array("q", bytes(8 * len(parents)))
    numbers = [number for (number,) in scratch.rows("unblocked")]
    for number in numbers:
        sizes[_root(parents, number)] += 1
    part_of = array("q", [-1]) * len(parents)
    part, held = 0, 0
    for number in numbers:
        root = _root(parents, number)
        if part_of[root] < 0:
            if held and held + sizes[root] > PART:
                part, held = part + 1, 0
            part_of[root] = part
            held += sizes[root]
    scratch.many("put_part", ((n, part_of[_root(parents, n)]) for n in numbers))
    scratch.rows("index_parts")
    return part + 1 if numbers else 0


def _join(parents: array[int], numbers: Iterable[int]) -> None:
    roots = {_root(parents, number) for number in numbers}
    if roots:
        least = min(roots)
        for root in roots:
            parents[root] = least


def _root(parents: array[int], number: int) -> int:
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number
