"""What `cdp import` reads: NDJSON, CSV and Parquet files, row by row, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from cdp.imports.files import RawRow, raw_rows
from cdp.imports.rows import Occurrences, Row, row_of
from cdp.imports.shop import shop_row
from graph_schema.errors import BadInput

FORMS = ("segment", "shop")

__all__ = ["FORMS", "Row", "read"]


def read(
    path: Path, *, form: str = "segment", mapping: Mapping[str, str] | None = None
) -> Iterator[Row]:
    """The rows of a file. Its ending says how it is written: .ndjson, .jsonl, .json, .csv (each also
    with .gz), .parquet.

    `form`: `segment`, calls as clients send them (a column `context.device.id` of a CSV or Parquet
    file is the value at that path; a line with `"type": "item"` is an item), or `shop`, the columns
    `user,item,event,ts`. `mapping`: column of the file -> the name it should have; it is applied
    first. A row that cannot be read has a `problem`. Raises BadInput, at the first row asked for,
    where the file as a whole cannot be read; a file that ends early raises it after its good rows.
    """
    if form not in FORMS:
        raise BadInput(reason=f"--format is one of {', '.join(FORMS)}, not {form}.")
    names = dict(mapping or {})
    occurrences = Occurrences()
    for raw in raw_rows(path):
        renamed = _renamed(raw, names)
        if form == "shop":
            yield shop_row(renamed, occurrences)
        else:
            yield row_of(renamed, occurrences)


def _renamed(raw: RawRow, names: Mapping[str, str]) -> RawRow:
    if raw.values is None or not names:
        return raw
    values = {names.get(name, name): value for name, value in raw.values.items()}
    return RawRow(raw.line, values, None, raw.flat, raw.text)
