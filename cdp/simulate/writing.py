"""The files of a simulation."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import msgspec

from cdp.simulate.shop import Simulation

_TOLD_EVERY = 1_000
_encode = msgspec.json.Encoder().encode


def write(
    simulation: Simulation, out: Path, progress: Callable[[float], None] = lambda share: None
) -> None:
    """Writes events.ndjson.gz, items.ndjson, truth.csv and identifiers.csv; the same simulation gives
    the same bytes."""
    out.mkdir(parents=True, exist_ok=True)
    total = len(simulation.arrivals)
    with (
        (out / "events.ndjson.gz").open("wb") as file,
        gzip.GzipFile("", "wb", 6, file, 0) as packed,
    ):
        for number, arrival in enumerate(simulation.arrivals):
            packed.write(_encode(arrival.call) + b"\n")
            if number % _TOLD_EVERY == 0:
                progress(number / total)
    lines = (_encode(item.row()) + b"\n" for item in simulation.items)
    (out / "items.ndjson").write_bytes(b"".join(lines))
    truth = dict.fromkeys((a.call["messageId"], a.person, a.household) for a in simulation.arrivals)
    _csv(out / "truth.csv", ("message_id", "person_id", "household_id"), list(truth))
    _csv(out / "identifiers.csv", ("namespace", "value", "person_id"), simulation.identifiers)
    progress(1.0)


def _csv(path: Path, names: tuple[str, ...], rows: list[tuple[str, str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)
