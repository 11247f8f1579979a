"""`cdp demo` on a folder that has events already shows them, and spoils nothing."""

from __future__ import annotations

from pathlib import Path

from cdp.cli.console import out
from cdp.cli.main import run


def told(*arguments: str) -> str:
    with out.capture() as printed:
        assert run(arguments) == 0
    return printed.get()


def test_the_demo_a_second_time_simulates_nothing_and_leaves_no_dead_letters(
    tmp_path: Path,
) -> None:
    folder = str(tmp_path / "data")
    first = told("demo", "--people", "5", "--no-serve", "--data", folder)
    again = told("demo", "--people", "5", "--no-serve", "--data", folder)
    assert "Imported" in first and "who is who" in first
    assert "nothing is simulated again" in again and "five questions" in again
    assert "no dead letters" in told("dead-letters", "list", "--data", folder)
