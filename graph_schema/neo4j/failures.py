"""What the driver reports, as errors of the product: what may be tried again, and what may not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from neo4j.exceptions import (
    AuthError,
    ConfigurationError,
    ConstraintError,
    DriverError,
    Forbidden,
    ForbiddenOnReadOnlyDatabase,
    Neo4jError,
    NotALeader,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from graph_schema.errors import (
    BatchTooLarge,
    StoreConflict,
    StoreLogin,
    StoreNoDatabase,
    StoreReadOnly,
    StoreRefused,
    StoreUnavailable,
)
from graph_schema.neo4j.address import Address

_NO_DATABASE: Final = "Neo.ClientError.Database.DatabaseNotFound"
_GONE: Final = "Neo.ClientError.Statement.EntityNotFound"
_READ_ONLY: Final = frozenset({
    "Neo.ClientError.General.WriteOnReadOnlyAccessDatabase",
    "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase",
    "Neo.ClientError.Statement.AccessMode",
    "Neo.ClientError.Cluster.NotALeader",
})  # fmt: skip
_TOOK_TOO_LONG: Final = "TransactionTimedOut"
# IF NOT EXISTS looks first and makes then: another process may come in between.
_MADE_BESIDE: Final = frozenset({
    "Neo.ClientError.Schema.EquivalentSchemaRuleAlreadyExists",
    "Neo.ClientError.Schema.ConstraintAlreadyExists",
    "Neo.ClientError.Schema.IndexAlreadyExists",
})  # fmt: skip
_MEMORY: Final = "MemoryPoolOutOfMemoryError"
_AWAY: Final = frozenset({
    "Neo.TransientError.General.DatabaseUnavailable",
    "Neo.TransientError.Database.DatabaseUnavailable",
    "Neo.ClientError.Database.DatabaseUnavailable",
})  # fmt: skip


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Raises the product's error for whatever the driver raises within."""
    try:
        yield
    except (Neo4jError, DriverError) as error:
        raise product_error(error, address) from error
    except OSError as error:
        raise StoreUnavailable(store=address.shown, reason=error) from error


def product_error(error: Neo4jError | DriverError, address: Address) -> Exception:
    """`StoreConflict` and `StoreUnavailable` may be tried again. The text of a driver's error can hold
    what the graph holds: only its code is handed on."""
    code = (error.code if isinstance(error, Neo4jError) else None) or type(error).__name__
    if isinstance(error, ForbiddenOnReadOnlyDatabase | NotALeader) or code in _READ_ONLY:
        return StoreReadOnly(store=address.shown, named=address.named)
    if isinstance(error, AuthError):
        return StoreLogin(store=address.shown, user=address.user, named=address.named)
    if code == _NO_DATABASE:
        return StoreNoDatabase(store=address.uri, database=address.database, named=address.named)
    if isinstance(error, Forbidden):
        return StoreRefused(store=address.shown, reason=code)
    if _MEMORY in code:
        return BatchTooLarge(store=address.shown)
    if isinstance(error, ServiceUnavailable | SessionExpired) or code in _AWAY:
        return StoreUnavailable(store=address.shown, reason=_first_words(error))
    passing = code == _GONE or _TOOK_TOO_LONG in code or code in _MADE_BESIDE
    if passing or isinstance(error, TransientError | ConstraintError):
        return StoreConflict(store=address.shown)
    if isinstance(error, ConfigurationError):
        return StoreRefused(store=address.shown, reason=_first_words(error))
    if isinstance(error, DriverError):
        return StoreUnavailable(store=address.shown, reason=code)
    return StoreRefused(store=address.shown, reason=code)


def _first_words(error: Exception) -> str:
    """The driver's own words about a connection: they name addresses, never content. Of what the
    server says only the code."""
    if isinstance(error, Neo4jError):
        return error.code or type(error).__name__
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
