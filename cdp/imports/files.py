"""Files to rows of values, whatever the rows mean."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, cast

import msgspec
import pyarrow
import pyarrow.parquet

from graph_schema.errors import BadInput

_ROWS_AT_ONCE: Final = 10_000
_LONGEST_LINE: Final = 4 * 1024 * 1024
_KEPT: Final = 32 * 1024  # of a line that is too long
_NDJSON: Final = frozenset({".ndjson", ".jsonl", ".json"})


class RawRow(msgspec.Struct, frozen=True):
    """`line` counts from 1 (of Parquet: the row). Exactly one of `values` and `problem` is there.
    `flat`: the values are cells of a table, whose column names may be paths. `text`: the row as it
    stands in the file, where that is lines of text or where its cells do not fit the header."""

    line: int
    values: dict[str, Any] | None
    problem: str | None
    flat: bool
    text: bytes = b""


def raw_rows(path: Path) -> Iterator[RawRow]:
    """The rows of a file; empty lines are none. Raises BadInput."""
    name = path.name.lower().removesuffix(".gz")
    ending = Path(name).suffix
    readers = {".parquet": _parquet, ".csv": _csv, **dict.fromkeys(_NDJSON, _ndjson)}
    if ending not in readers:
        raise BadInput(reason=f"{path.name} is no .ndjson, .jsonl, .csv or .parquet file.")
    last = 0
    try:
        for row in readers[ending](path):
            last = row.line
            yield row
    except (OSError, EOFError, zlib.error, csv.Error, pyarrow.ArrowException) as error:
        reason = f"{path.name} cannot be read: {_why(error)}."
        if last:
            reason = (
                f"{path.name} cannot be read beyond line {last}: {_why(error)}. What stands before is"
                " taken. Import it again when it is whole: what is there already changes nothing."
            )
        raise BadInput(reason=reason) from error


def _why(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) if isinstance(error, csv.Error) else type(error).__name__


def _opened(path: Path) -> IO[bytes]:
    if path.name.lower().endswith(".gz"):
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _ndjson(path: Path) -> Iterator[RawRow]:
    with _opened(path) as file:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
                _skip_line(file)
                yield RawRow(number, None, "The line is too long.", False, line[:_KEPT])
            elif line.strip():
                yield _json_row(number, line)


def _skip_line(file: IO[bytes]) -> None:
    while (rest := file.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
        pass


def _json_row(number: int, line: bytes) -> RawRow:
    text = line.rstrip(b"\r\n")
    try:
        value = json.loads(text.decode("utf-8-sig"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return RawRow(number, None, "The line is no JSON.", False, text)
    if not isinstance(value, dict):
        return RawRow(number, None, "The line is no JSON object.", False, text)
    return RawRow(number, value, None, False, text)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _csv(path: Path) -> Iterator[RawRow]:
    with _opened(path) as file:
        taken: list[str] = []
        reader = csv.reader(_decoded(file, taken))
        header = next(reader, None)
        if header is None:
            return
        taken.clear()
        for cells in reader:
            _require_closed_quotes(taken, reader.line_num)
            taken.clear()
            if not cells:
                continue
            if len(cells) != len(header):
                problem = f"The row has {len(cells)} columns, the header {len(header)}."
                yield RawRow(reader.line_num, None, problem, True, json.dumps(cells).encode())
                continue
            values = {n: cell for n, cell in zip(header, cells, strict=True) if cell != ""}
            yield RawRow(reader.line_num, values, None, True)


def _decoded(file: IO[bytes], taken: list[str]) -> Iterator[str]:
    """The lines, each put to `taken` too: so the reader's caller has those of the row in hand."""
    encoding = "utf-8-sig"
    for line in file:
        taken.append(line.decode(encoding, "replace"))
        encoding = "utf-8"
        yield taken[-1]


def _require_closed_quotes(lines: list[str], last: int) -> None:
    """A quote that is never closed takes every row to the end of the file into one cell, without a
    word. Raises csv.Error."""
    if len(lines) > 1:
        try:
            next(csv.reader(lines, strict=True))
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                opened = last - len(lines) + 1
                raise csv.Error(f"a quote is opened in line {opened} and never closed") from None


def _parquet(path: Path) -> Iterator[RawRow]:
    number = 0
    with pyarrow.parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            for values in batch.to_pylist():
                number += 1
                present = {name: value for name, value in values.items() if value is not None}
                yield RawRow(number, present, None, True)
