"""Opening the file: what may be opened, how, and migrated to which schema."""

from __future__ import annotations

import sqlite3
import uuid
from importlib.resources import files
from pathlib import Path

from graph_schema.errors import StoreCorrupt, StoreNewer, StoreUnavailable, WrongHashKey

APPLICATION_ID = 0x43445047  # "CDPG"
BUSY_MS = 10_000

_MAGIC = b"SQLite format 3\x00"
_HEADER = 100
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def writer(path: Path, hash_key_fingerprint: str) -> sqlite3.Connection:
    """The writing connection; makes the file or migrates it. Raises StoreError, touching nothing,
    where the file is damaged, foreign, newer, or of another hash key."""
    migrations = _migrations()
    try:
        if not path.exists() or path.stat().st_size == 0:
            _make(path, migrations, hash_key_fingerprint)
        _check_header(path, newest=len(migrations))
        _inspect(path, hash_key_fingerprint, newest=len(migrations))
        connection = _connect(path, "rw")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA cache_size = -65536")
        _migrate(connection, migrations, hash_key_fingerprint)
    except sqlite3.Error as error:
        raise refusal(path, error) from error
    except OSError as error:
        raise StoreUnavailable(store=path, reason=error.strerror) from error
    return connection


def reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    connection = _connect(path, "ro")
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cache_size = -16384")
    return connection


def refusal(path: Path, error: sqlite3.Error) -> StoreCorrupt | StoreUnavailable:
    """What an error of the driver says about the store: that it cannot be used now, or at all."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code & 0xFF in _DAMAGED or "no such" in str(error):
        return StoreCorrupt(path=path, reason=error)
    return StoreUnavailable(store=path, reason=error)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    return connection


def _check_header(path: Path, newest: int) -> None:
    """Raises StoreError where the file is none of ours, or a newer one. SQLite is not asked: opening
    a foreign file through it, even to read, may make files beside it."""
    with path.open("rb") as file:
        header = file.read(_HEADER)
    if not header.startswith(_MAGIC) or int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreCorrupt(path=path, reason="it is not a graph of this product")
    _check_version(path, int.from_bytes(header[60:64], "big"), newest)


def _check_version(path: Path, found: int, newest: int) -> None:
    if found > newest:
        raise StoreNewer(path=path, found=found, known=newest)


def _inspect(path: Path, fingerprint: str, newest: int) -> None:
    # A file that was closed well has no -wal beside it: read as unchanging, it gets none.
    left_open = path.with_name(f"{path.name}-wal").exists()
    connection = _connect(path, "ro" if left_open else "ro&immutable=1")
    try:
        _check_version(path, connection.execute("PRAGMA user_version").fetchone()[0], newest)
        known = connection.execute("SELECT value FROM meta WHERE name = 'hash_key'").fetchone()
        if known and known[0] != fingerprint:
            raise WrongHashKey()
    finally:
        connection.close()


def _make(path: Path, migrations: list[str], fingerprint: str) -> None:
    """Builds the file beside its place and links it there whole: who is killed on the way leaves
    nothing, and who opens one at the same time never sees half of it."""
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        draft.touch(mode=0o600)
        connection = _connect(draft, "rw")
        try:
            _migrate(connection, migrations, fingerprint)
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
        if path.exists() and path.stat().st_size == 0:
            path.unlink()
        path.hardlink_to(draft)
    except FileExistsError:
        return  # another process was quicker; its graph is the graph
    finally:
        draft.unlink(missing_ok=True)


def _migrations() -> list[str]:
    folder = files("graph_schema.sqlite").joinpath("migrations")
    found = sorted((file for file in folder.iterdir()), key=lambda file: file.name)
    return [file.read_text(encoding="utf-8") for file in found if file.name.endswith(".sql")]


def _migrate(connection: sqlite3.Connection, migrations: list[str], fingerprint: str) -> None:
    # The lock comes before the look: two processes may start at once.
    connection.execute("BEGIN IMMEDIATE")
    done = connection.execute("PRAGMA user_version").fetchone()[0]
    for version, script in enumerate(migrations[done:], start=done + 1):
        for statement in _statements(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
    connection.execute(
        "INSERT OR IGNORE INTO meta (name, value) VALUES ('hash_key', ?)", (fingerprint,)
    )
    connection.execute("COMMIT")


def _statements(script: str) -> list[str]:
    """The statements of a migration; none holds a semicolon inside."""
    lines = (line.split("--")[0] for line in script.splitlines())
    return [text for part in "\n".join(lines).split(";") if (text := part.strip())]
