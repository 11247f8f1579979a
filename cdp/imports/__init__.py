"""Reading files of history, row by row, in bounded memory: NDJSON (also .gz), CSV, Parquet."""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow
import pyarrow.parquet

from cdp.imports.row import Row
from cdp.imports.shop import call_of
from graph_schema.errors import BadInput

__all__ = ["Row", "read"]

ROWS_AT_ONCE = 10_000
_canonical = msgspec.json.Encoder(order="sorted", enc_hook=str).encode


def read(
    path: Path, *, form: str = "segment", mapping: Mapping[str, str] | None = None
) -> Iterator[Row]:
    """The rows of a file, of the form "segment" or "shop". `mapping`: column to field. Raises BadInput where the file cannot be read at
    all; a row that cannot be is one with a `problem`."""
    seen: Counter[bytes] = Counter()
    try:
        for line, found in _rows(path):
            if isinstance(found, str):
                yield Row(line, f"row-{line}", problem=found)
                continue
            renamed = {(mapping or {}).get(name, name): value for name, value in found.items()}
            digest = hashlib.blake2b(_canonical(renamed), digest_size=16).digest()
            seen[digest] += 1
            id_ = f"{digest.hex()}-{seen[digest]}"
            if form == "shop":
                yield call_of(renamed, line, id_)
            elif renamed.get("type") == "item":
                yield Row(line, id_, item=renamed)
            else:
                yield Row(line, id_, call=renamed)
    except (OSError, EOFError, pyarrow.ArrowException, UnicodeDecodeError, csv.Error) as error:
        reason = f"{path} cannot be read: {type(error).__name__}. Give NDJSON, CSV or Parquet."
        raise BadInput(reason=reason) from error


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    endings = path.suffixes
    if ".parquet" in endings:
        yield from _parquet(path)
    elif ".csv" in endings:
        with _text(path) as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                yield line, {name: value for name, value in row.items() if value and name}
    else:
        with _text(path) as file:
            for line, text in enumerate(file, start=1):
                if text.strip():
                    yield line, _object(text)


def _parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    line = 0
    with pyarrow.parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE):
            for row in batch.to_pylist():
                line += 1
                yield line, row


def _object(text: str) -> dict[str, Any] | str:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return "The line is no JSON."
    return found if isinstance(found, dict) else "The line is no JSON object."


def _text(path: Path) -> Any:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")
