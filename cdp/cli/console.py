"""What the verbs share: where they print, and how they show that long work goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

# What is printed may hold anything that a client sent: in it no `[name]` is a style and no `:name:` a
# picture.
out = Console(highlight=False, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)


class Report(Protocol):
    """Shows how far the work is, from 0 to 1, and what it does now."""

    def __call__(self, share: float, doing: str = "") -> None: ...


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """A bar on standard error where that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as bars:
        task = bars.add_task(title, total=1.0)

        def report(share: float, doing: str = "") -> None:
            bars.update(task, completed=share, description=f"{title}: {doing}" if doing else title)

        yield report
