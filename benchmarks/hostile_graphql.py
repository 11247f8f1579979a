"""CPU of refusing queries that were made to hurt: those of tests/security/test_hostile_graphql.py.

    python benchmarks/hostile_graphql.py

Beside an honest query of the same server, a list of 100 items, in the same run.
"""

from __future__ import annotations

# ruff: noqa: E402 - the path has to be right before the first import
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# This file's own folder holds a graphql.py that would hide the library.
sys.path[0] = str(ROOT)
sys.path += [str(ROOT / "tests" / "support"), str(ROOT / "tests" / "security")]

import asyncio
import json
import time
from typing import Any

from fake_platform import shop
from test_hostile_graphql import HOSTILE

from api.answers import Answering, Question
from api.auth import Principal, Scope
from api.connections import Seal
from api.errors import ApiError
from api.settings import ApiSettings

HONEST = {"query": "{ items(first: 100) { edges { node { id name category brand } } } }"}
ROUNDS = 7


async def refused(answering: Answering, body: bytes) -> str:
    """The code with which a body is refused."""
    principal = Principal("benchmark", frozenset(Scope))
    try:
        answer = await answering.answer(Question.read(body), principal, "r")
    except ApiError as error:
        return error.code
    errors = answer.body.get("errors")
    return str(errors[0]["extensions"]["code"]) if errors else ""


async def cpu_ms(body: Any) -> tuple[float, str]:
    """The median of so many fresh servers' first sight of a query, and the code."""
    packed, spent, code = json.dumps(body).encode(), [], ""
    platform = shop(people=100, events=5, items=100)
    for _ in range(ROUNDS):
        answering = Answering(platform, ApiSettings(tokens={}), Seal(b"benchmark"))
        began = time.process_time_ns()
        code = await refused(answering, packed)
        spent.append((time.process_time_ns() - began) / 1e6)
    return sorted(spent)[ROUNDS // 2], code


async def measure() -> None:
    await cpu_ms(HONEST)  # what is made once for a process
    honest, code = await cpu_ms(HONEST)
    assert not code
    print(f"{'a list of 100 items':<34} {honest:7.2f} ms")
    slowest = 0.0
    for name, (body, expected) in HOSTILE.items():
        spent, code = await cpu_ms(body)
        assert code == expected, (name, code)
        slowest = max(slowest, spent)
        print(f"{name:<34} {spent:7.2f} ms  {code}")
    print(f"slowest refusal {slowest:.2f} ms, x {slowest / honest:.1f} of the honest list")


if __name__ == "__main__":
    asyncio.run(measure())
