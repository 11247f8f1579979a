"""Opening the file: what may be opened, how, and migrated to which schema."""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from pathlib import Path

from graph_schema.errors import StoreCorrupt, StoreNewer, StoreUnavailable, WrongHashKey

APPLICATION_ID = 0x43445047  # "CDPG"
BUSY_MS = 10_000


def writer(path: Path, hash_key_fingerprint: str) -> sqlite3.Connection:
    """The writing connection; creates the file or migrates it. Raises StoreError, touching nothing,
    where the file is damaged, foreign, newer, or of another hash key."""
    migrations = _migrations()
    if path.exists() and path.stat().st_size > 0:
        _inspect(path, hash_key_fingerprint, newest=len(migrations))
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA cache_size = -65536")
        _migrate(connection, migrations, hash_key_fingerprint)
    except sqlite3.DatabaseError as error:
        raise refusal(path, error) from error
    return connection


def reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cache_size = -16384")
    return connection


def _inspect(path: Path, fingerprint: str, newest: int) -> None:
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if application != APPLICATION_ID:
                raise StoreCorrupt(path=path, reason="it is not a graph of this product")
            if version > newest:
                raise StoreNewer(path=path, found=version, known=newest)
            known = connection.execute("SELECT value FROM meta WHERE name = 'hash_key'").fetchone()
            if known and known[0] != fingerprint:
                raise WrongHashKey()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise refusal(path, error) from error


def refusal(path: Path, error: sqlite3.DatabaseError) -> StoreCorrupt | StoreUnavailable:
    """What an error of the driver says about the store: that it cannot be used now, or at all."""
    if isinstance(error, sqlite3.OperationalError):
        return StoreUnavailable(store=path, reason=error)
    return StoreCorrupt(path=path, reason=error)


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
