"""Starts `cdp serve` as a user would, for the benchmarks that need a running one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class Served(NamedTuple):
    address: str
    write_key: str
    token: str
    pid: int


@contextmanager
def served(*, worker: bool = True, data: Path | None = None) -> Iterator[Served]:
    """A server on a free port and an empty folder, or on `data`, ended at the end of the block."""
    with tempfile.TemporaryDirectory() as empty:
        folder = str(data or empty)
        command = [sys.executable, "-m", "cdp", "serve", "--data", folder, "--port", "0"]
        process = subprocess.Popen(
            command if worker else [*command, "--no-worker"], stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if "Listening on" not in line:
                raise SystemExit("The server did not start.")
            made = tomllib.loads((Path(folder) / "credentials.toml").read_text(encoding="utf-8"))
            token = made["cdp_tokens"].partition("=")[0]
            yield Served(line.split()[-1], made["cdp_write_keys"], token, process.pid)
        finally:
            process.terminate()
            process.wait(30)
