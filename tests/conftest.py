"""Makes what tests share (tests/support) importable, and gives the graph stores to the suites."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from graph_schema.store import GraphStore

sys.path.insert(0, str(Path(__file__).parent / "support"))

import examples
from stores import KINDS, Kind, Place

# Machines are noisy: how long one example takes says nothing about what it shows.
settings.register_profile("noisy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("noisy")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many examples of each randomised suite there were, and how long one took."""
    for line in examples.told():
        terminalreporter.write_line(line)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def store_kind(request: pytest.FixtureRequest) -> Kind:
    """Every kind of graph store in turn."""
    kind: Kind = request.param
    return kind


@pytest.fixture
async def place(store_kind: Kind) -> AsyncIterator[Place]:
    """Where an empty graph lies; nothing is open."""
    async with store_kind.empty() as found:
        yield found


@pytest.fixture
async def store(place: Place) -> AsyncIterator[GraphStore]:
    """An open store on an empty graph."""
    found = place.store()
    await found.open()
    yield found
    await found.close()
