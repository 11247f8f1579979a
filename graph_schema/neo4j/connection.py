"""Connecting: which server and database are taken, and with which driver settings."""

from __future__ import annotations

import logging
import re
import warnings

from neo4j import (
    AsyncDriver,
    AsyncGraphDatabase,
    NotificationDisabledClassification,
    NotificationMinimumSeverity,
)

from graph_schema.errors import StoreTooOld, StoreUnavailable, StoreUnreachable
from graph_schema.neo4j.address import Address
from graph_schema.neo4j.failures import translated

LEAST_VERSION = (5, 26)
CONNECT_S = 5.0
ACQUIRE_S = 10.0
POOL = 50


def driver(address: Address, *, strict: bool) -> AsyncDriver:
    """Connects to nothing yet. `strict`: whatever the server has to say against a statement (no index,
    a cartesian product, deprecated syntax) becomes a warning of Python, `Objected`."""
    if strict:
        _listen()
    return AsyncGraphDatabase.driver(
        address.uri,
        auth=(address.user, address.password),
        connection_timeout=CONNECT_S,
        connection_acquisition_timeout=ACQUIRE_S,
        max_connection_pool_size=POOL,
        max_transaction_retry_time=0.0,
        keep_alive=True,
        telemetry_disabled=True,
        # An empty database knows no label yet: that says nothing against a statement.
        notifications_disabled_classifications=([NotificationDisabledClassification.UNRECOGNIZED]),
        notifications_min_severity=(
            NotificationMinimumSeverity.INFORMATION if strict else NotificationMinimumSeverity.OFF
        ),
        # Its own warnings cost a walk up the stack, with all source files, for each statement.
        warn_notification_severity=NotificationMinimumSeverity.OFF,
    )


class Objected(UserWarning):
    """What the server had to say against a statement."""


class _Warning(logging.Handler):
    """Makes warnings of what the driver tells its log."""

    def emit(self, record: logging.LogRecord) -> None:
        warnings.warn(record.getMessage(), Objected, stacklevel=2)


def _listen() -> None:
    told = logging.getLogger("neo4j.notifications")
    if not any(isinstance(handler, _Warning) for handler in told.handlers):
        told.addHandler(_Warning())
        told.setLevel(logging.INFO)
        told.propagate = False


async def check_server(driver: AsyncDriver, address: Address) -> None:
    """Raises StoreError where nothing answers, or something that is too old."""
    try:
        with translated(address):
            async with driver.session(database=address.database) as session:
                server = (await (await session.run("RETURN 1")).consume()).server
    except StoreUnavailable as error:
        raise StoreUnreachable(
            store=address.shown, reason=error.fields["reason"], named=address.named
        ) from error
    check_version(server.agent, address)


def check_version(agent: str, address: Address) -> None:
    """`agent` as the server gives it: Neo4j/5.26.30. Raises StoreTooOld."""
    found = agent.partition("/")[2] or agent
    numbers = tuple(int(number) for number in re.findall(r"\d+", found)[:2])
    if numbers < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION))
        raise StoreTooOld(store=address.shown, found=found, least=least)
