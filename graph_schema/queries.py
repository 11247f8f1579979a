"""Reads query files: named statements, each behind a line `-- name: the_name` (`// name:` in Cypher).

What a statement is for stands in the comment under its name. Parameters only: no statement is ever
put together from text.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^(?:--|//) name: (\w+)\s*$", re.MULTILINE)


@cache
def queries(package: str, suffix: str = ".sql") -> dict[str, str]:
    """The named statements of all query files in the folder `queries` of a package.

    Raises KeyError where a name stands twice.
    """
    found: dict[str, str] = {}
    for file in sorted(files(package).joinpath("queries").iterdir(), key=lambda file: file.name):
        if file.name.endswith(suffix):
            for name, statement in _split(file.read_text(encoding="utf-8")):
                if name in found:
                    raise KeyError(f"{package}: the query {name} stands twice")
                found[name] = statement
    return found


def _split(text: str) -> list[tuple[str, str]]:
    parts = _NAME.split(text)[1:]
    return [(name, body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)]
