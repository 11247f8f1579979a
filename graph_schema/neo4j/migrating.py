"""The schema in the database: what is found there, and what is missing, made.

Constraints and indexes are generated from `graph_schema.schema`; each migration is recorded as a node.
A database of a newer schema, of another hash key, or of something else, is refused untouched.
"""

from __future__ import annotations

import asyncio

import msgspec
from neo4j import AsyncDriver, AsyncSession

from graph_schema.errors import StoreConflict, StoreForeign, StoreNewer, WrongHashKey
from graph_schema.model.time import now
from graph_schema.neo4j.address import Address
from graph_schema.neo4j.failures import translated
from graph_schema.queries import queries
from graph_schema.schema import INDEXES, UNIQUE, Index, Unique, newest

TRIES = 10
INDEXES_S = 300
_PAST_KEPT = 3
"""The migration from which on everything is kept that telling of the past needs."""


class Found(msgspec.Struct, frozen=True):
    """What the database says of itself. `version` 0: nothing; `foreign`: it holds something else."""

    version: int
    hash_key: str | None
    foreign: bool


def statements(version: int) -> list[str]:
    """The DDL of one migration."""
    return [
        *(_unique(thing) for thing in UNIQUE if thing.since == version),
        *(_index(thing) for thing in INDEXES if thing.since == version),
    ]


async def migrate(driver: AsyncDriver, address: Address, fingerprint: str) -> None:
    """Brings the schema up to date. Several processes may do so at once."""
    async with driver.session(
        database=address.database,
        # That it is there already is what IF NOT EXISTS is for.
        notifications_disabled_classifications=["UNRECOGNIZED", "SCHEMA"],
    ) as session:
        with translated(address):
            found = await _inspect(session)
        _refuse(found, address, fingerprint)
        for version in range(found.version + 1, newest() + 1):
            for statement in statements(version):
                await _again(session, address, statement)
        if 0 < found.version < _PAST_KEPT:
            await _again(session, address, _query("begin_past"))
        # Also where nothing is to be done: a database that takes no writes is found out at the start.
        await _again(
            session, address, _query("record_schema"),
            version=newest(), hash_key=fingerprint, at=now(), before=found.version,
        )  # fmt: skip
        if found.version < newest():
            await _again(session, address, _query("await_indexes"), seconds=INDEXES_S)


async def _inspect(session: AsyncSession) -> Found:
    result = await session.run(_query("found_schema"))
    record = await result.single(strict=True)
    version, hash_key, anything = record.values()
    return Found(version or 0, hash_key, version is None and anything)


def _refuse(found: Found, address: Address, fingerprint: str) -> None:
    if found.foreign:
        raise StoreForeign(store=address.shown, named=address.named)
    if found.version > newest():
        raise StoreNewer(path=address.shown, found=found.version, known=newest())
    if found.hash_key is not None and found.hash_key != fingerprint:
        raise WrongHashKey()


async def _again(
    session: AsyncSession, address: Address, statement: str, **parameters: object
) -> None:
    """Runs a statement that changes nothing the second time; another process may be at it too."""
    for attempt in range(TRIES):
        try:
            with translated(address):
                result = await session.run(statement, parameters)
                await result.consume()
            return
        except StoreConflict:
            if attempt == TRIES - 1:
                raise
            await asyncio.sleep(0.05 * (attempt + 1))


def _query(name: str) -> str:
    return queries("graph_schema.neo4j", ".cypher")[name]


def _unique(thing: Unique) -> str:
    properties = ", ".join(f"n.{name}" for name in thing.properties)
    return (
        f"CREATE CONSTRAINT {thing.name} IF NOT EXISTS FOR (n:{thing.label})"
        f" REQUIRE ({properties}) IS UNIQUE"
    )


def _index(thing: Index) -> str:
    kind = "TEXT" if thing.text else "RANGE"
    pattern = f"()-[n:{thing.on}]-()" if thing.relationship else f"(n:{thing.on})"
    properties = ", ".join(f"n.{name}" for name in thing.properties)
    return f"CREATE {kind} INDEX {thing.name} IF NOT EXISTS FOR {pattern} ON ({properties})"
