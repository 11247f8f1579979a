"""What is made at the first start: keys and tokens, kept in `credentials.toml` of the data folder."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cdp.settings_file import read_settings
from graph_schema.errors import SettingError

FILE = "credentials.toml"

MADE_AT_FIRST_START: dict[str, Callable[[], str]] = {
    "CDP_WRITE_KEYS": lambda: f"wk_{secrets.token_urlsafe(18)}",
    "CDP_TOKENS": lambda: f"tk_{secrets.token_urlsafe(24)}=admin",
    "CDP_HASH_KEY": lambda: secrets.token_hex(32),
}


def credentials(data: Path, wanted: Sequence[str], graph: Path) -> dict[str, str]:
    """The values of `wanted`, made now where they are missing; the file has mode 0600. Processes that
    start together on a new folder get the same ones. Raises SettingError; also where a hash key would
    have to be made although there is a `graph`, which was built with another."""
    if not wanted:
        return {}
    path = data / FILE
    known = read_settings(path)
    if _missing(wanted, known):
        try:
            data.mkdir(parents=True, exist_ok=True)
            with _alone(data):
                known = read_settings(path)  # another process may have been quicker
                known |= _made(_missing(wanted, known), graph)
                _write_private(
                    path, "".join(f'{name} = "{text}"\n' for name, text in known.items())
                )
        except OSError as error:
            raise SettingError(name="CDP_DATA", reason=error) from error
    return {name: known[name.lower()] for name in wanted}


def _missing(wanted: Sequence[str], known: Mapping[str, str]) -> list[str]:
    return [name for name in wanted if name.lower() not in known]


def _made(missing: Sequence[str], graph: Path) -> dict[str, str]:
    if "CDP_HASH_KEY" in missing and graph.exists():
        reason = f"{FILE} does not hold the key that {graph.name} was built with: bring it back"
        raise SettingError(name="CDP_HASH_KEY", reason=reason)
    return {name.lower(): MADE_AT_FIRST_START[name]() for name in missing}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time; the lock goes with the process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_private(path: Path, text: str) -> None:
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
