"""Opening the log's file: what may be opened, how it is made, and what its failures mean."""

from __future__ import annotations

import sqlite3
import uuid
from importlib.resources import files
from pathlib import Path

from graph_schema.errors import LogFull, StoreCorrupt, StoreError, StoreNewer, StoreUnavailable
from graph_schema.queries import queries

APPLICATION_ID = 0x4344504C  # "CDPL"
BUSY_MS = 10_000
POSITION_BITS = 40
PARTITIONED = 2
"""The version of the schema that brought partitions."""
SQL = queries("cdp.eventlog")

_MAGIC = b"SQLite format 3\x00"
_NO_ROOM = {
    sqlite3.SQLITE_FULL,
    # What a write meets where a quota or a limit on files is reached, or the disk fills meanwhile.
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def record_id(partition: int, position: int) -> int:
    """The key of a record in the file."""
    return partition << POSITION_BITS | position


def prepare(path: Path, event_partitions: int) -> str:
    """Makes the log where there is none, migrates it, adds partitions where it has fewer than asked
    for; its id. Raises StoreError, touching nothing, where the file is damaged, foreign or newer."""
    migrations = _migrations()
    if not path.exists():
        if path.with_name(path.name + "-wal").exists():
            raise StoreCorrupt(path=path, reason="the file is gone, its -wal is still there")
        _make(path, migrations)
    _check_header(path)
    log_id, version, partitions = _inspect(path, newest=len(migrations))
    if version < len(migrations) or partitions < event_partitions:
        _upgrade(path, migrations, event_partitions)
    return log_id


def writer(path: Path) -> sqlite3.Connection:
    """The appending connection. Raises sqlite3.Error."""
    # mode=rw: a log that has vanished is never silently begun anew.
    connection = _connect(path, "rw")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    return connection


def reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises sqlite3.Error."""
    connection = _connect(path, "ro")
    connection.execute("PRAGMA query_only = ON")
    return connection


def refusal(path: Path, error: sqlite3.Error) -> StoreError:
    """What a failure of SQLite means to who uses the log."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code in _NO_ROOM:
        return LogFull(reason=error)
    if code & 0xFF in _DAMAGED:
        return StoreCorrupt(path=path, reason=error)
    return StoreUnavailable(store=path, reason=error)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _check_header(path: Path) -> None:
    """Raises StoreCorrupt where the file is none of ours. Opening a foreign file through SQLite, even
    to read, may make files beside it; a log has its mark in the header from its first moment on."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        raise StoreUnavailable(store=path, reason=error.strerror) from error
    if not header.startswith(_MAGIC) or int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreCorrupt(path=path, reason="it is no event log of this product")


def _inspect(path: Path, newest: int) -> tuple[str, int, int]:
    """(log id, version, event partitions) of the file, read through a connection that cannot write."""
    try:
        connection = _connect(path, "ro")
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > newest:
                raise StoreNewer(path=path, found=version, known=newest)
            found = connection.execute(SQL["log_id"]).fetchone()
            connection.execute(SQL["any_record"]).fetchone()
            partitions = (0,)
            if version >= PARTITIONED:
                partitions = connection.execute(SQL["event_partitions"]).fetchone()
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        if "no such" in str(error):
            raise StoreCorrupt(path=path, reason=error) from error
        raise refusal(path, error) from error
    except sqlite3.Error as error:
        raise refusal(path, error) from error
    if found is None or partitions is None:
        raise StoreCorrupt(path=path, reason="it has no id, or does not say how it is divided")
    return found[0], version, partitions[0]


def _make(path: Path, migrations: list[str]) -> None:
    """Builds the file beside its place and links it there whole: who opens it meanwhile, or makes one
    at the same time, never sees half of one."""
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        draft.touch(mode=0o600)
        connection = sqlite3.connect(draft, isolation_level=None)
        try:
            _migrate(connection, migrations)
            connection.execute(SQL["set_log_id"], (uuid.uuid4().hex,))
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
        path.hardlink_to(draft)
    except FileExistsError:
        return  # another process was quicker; its log is the log
    except sqlite3.Error as error:
        raise refusal(path, error) from error
    except OSError as error:
        raise StoreUnavailable(store=path, reason=error.strerror) from error
    finally:
        draft.unlink(missing_ok=True)


def _upgrade(path: Path, migrations: list[str], event_partitions: int) -> None:
    try:
        connection = writer(path)
        try:
            _migrate(connection, migrations)
            connection.execute(SQL["add_partitions"], {"wanted": event_partitions})
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise refusal(path, error) from error


def _migrations() -> list[str]:
    folder = files("cdp.eventlog").joinpath("migrations")
    found = sorted((file for file in folder.iterdir()), key=lambda file: file.name)
    return [file.read_text(encoding="utf-8") for file in found if file.name.endswith(".sql")]


def _migrate(connection: sqlite3.Connection, migrations: list[str]) -> None:
    # The lock comes before the look: two processes may start at once.
    connection.execute("BEGIN IMMEDIATE")
    done = connection.execute("PRAGMA user_version").fetchone()[0]
    for version, script in enumerate(migrations[done:], start=done + 1):
        for statement in _statements(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("COMMIT")


def _statements(script: str) -> list[str]:
    """The statements of a migration; none holds a semicolon or two dashes inside."""
    lines = (line.split("--")[0] for line in script.splitlines())
    return [text for part in "\n".join(lines).split(";") if (text := part.strip())]
