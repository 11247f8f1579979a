"""The one place that names concrete parts: `build(settings) -> Parts`. Nothing connects at import, and
nothing connects before `opened`."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from api.auth import Scope
from api.settings import ApiSettings
from api.settings import Limits as ApiLimits
from cdp.collector.authenticate import WriteKeys
from cdp.collector.limits import Limits
from cdp.collector.recording import Recorder
from cdp.eventlog.protocol import EventLog
from cdp.eventlog.sqlite import SqliteEventLog
from cdp.pipeline.assembly import worker_of
from cdp.pipeline.check.walk import Check
from cdp.pipeline.holding import EveryPartition, Holding, SharedPartitions
from cdp.pipeline.in_force import InForce
from cdp.pipeline.lineage import check_lineage
from cdp.pipeline.worker import Worker
from cdp.platform.collect import LogCollecting
from cdp.platform.commanding import Commanding
from cdp.platform.evidence import StoredEvidence
from cdp.platform.feed import PolledFeed
from cdp.platform.identity_changes import StoredChanges
from cdp.platform.past.keeping import PastKeeping
from cdp.platform.platform import EmbeddedPlatform
from cdp.platform.profiles import StoredProfiles
from cdp.platform.reasons import KnownReasons
from cdp.platform.recommendations import ModelRecommending
from cdp.platform.segments import StoredSegments
from cdp.platform.standing import Standing
from cdp.platform.trials import StoredTrials
from cdp.settings import Settings
from gnn.artifacts import ArtifactStore
from graph_schema.errors import BadInput, SettingError
from graph_schema.model.profile import ProfileIds
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import DAY, SECOND, now
from graph_schema.neo4j.address import parse as address_of
from graph_schema.neo4j.store import Neo4jGraphStore
from graph_schema.sqlite.store import SqliteGraphStore
from graph_schema.store import GraphStore

LOG_FILE = "log.db"


class Parts(msgspec.Struct, frozen=True):
    """The stores and what is built on them."""

    settings: Settings
    log: EventLog
    store: GraphStore
    rules: IdentityRules
    ids: ProfileIds
    recorder: Recorder
    artifacts: ArtifactStore
    keys: WriteKeys
    commands: Commanding

    def worker(
        self,
        progress: Callable[[int], None] = lambda applied: None,
        partitions: Collection[int] = (),
    ) -> Worker:
        """A worker of those partitions; of all, or of its share, where none is named. Raises BadInput
        where some are named, and the graph takes one writer only."""
        return worker_of(
            self.log,
            self.store,
            InForce(self.rules, self.ids, now),
            self.settings.batch_size,
            self._holding(partitions),
            progress,
            round(self.settings.feed_days * DAY),
        )

    def check(self, scratch: Path) -> Check:
        """`scratch`: where the walk may keep a file meanwhile."""
        return Check(self.log, self.store, self.rules, self.ids, now, scratch)

    async def take_graph_away(self) -> None:
        """Empties the graph of a server, for a rebuild. Raises BadInput where a worker works on it."""
        assert isinstance(self.store, Neo4jGraphStore)
        await self.nobody_works()
        await self.store.empty()

    async def nobody_works(self) -> None:
        """Raises BadInput where a worker holds a partition of the graph."""
        for known in await self.store.checkpoints():
            if known.owner and known.until > now():
                holder = f"The worker {known.owner} holds partition {known.partition}"
                raise BadInput(reason=f"{holder}: stop all workers.")

    def _holding(self, partitions: Collection[int]) -> Holding:
        def log_id() -> str:
            return self.log.log_id

        if not self.store.several_writers:
            if partitions:
                raise BadInput(
                    reason="The embedded graph has one worker, which takes all partitions:"
                    " leave out --partitions."
                )
            return EveryPartition(self.store, log_id)
        owner = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        lease = round(self.settings.lease_s * SECOND)
        return SharedPartitions(self.store, log_id, now, owner, lease, partitions)

    def platform(self) -> EmbeddedPlatform:
        limits = Limits(backlog_bytes=self.settings.backlog_bytes)
        standing = Standing(self.log, self.store, self.settings.lag_limit_s)
        return EmbeddedPlatform(
            LogCollecting(self.log, standing, self.recorder, self.keys, limits, now),
            StoredProfiles(self.store, self.rules, self.ids),
            StoredSegments(self.store, self.commands),
            StoredChanges(self.store, self.commands, self.rules, self.ids),
            KnownReasons(self.store, self.rules),
            StoredTrials(StoredEvidence(self.store, self.rules, self.ids)),
            ModelRecommending(self.store, self.artifacts),
            PolledFeed(self.store),
            standing,
            PastKeeping(self.log, self.store, self.rules, now),
        )

    def api_settings(self) -> ApiSettings:
        return ApiSettings(
            tokens={
                token: frozenset(Scope(scope) for scope in scopes)
                for token, scopes in self.settings.tokens.items()
            },
            cursor_key=hmac.digest(self.settings.hash_key, b"cursors", hashlib.sha256),
            limits=ApiLimits(timeout=self.settings.operation_timeout_s),
            introspection=self.settings.introspection,
        )


def build(settings: Settings, graph: Path | None = None, named: str = "CDP_GRAPH") -> Parts:
    """Puts the parts together. `graph`: a file to keep the graph in, for a rebuild, whatever the
    setting says. `named`: where the graph's address was given, for messages. Raises SettingError
    where a setting asks for what this version has not."""
    if settings.log != "sqlite":
        raise SettingError(name="CDP_LOG", reason="this version keeps it in SQLite only")
    settings.data.mkdir(parents=True, exist_ok=True)
    ids = ProfileIds(settings.hash_key)
    log = SqliteEventLog(settings.data / LOG_FILE, now, settings.partitions)
    rules = settings.identity_rules
    store = graph_store(settings, ids, graph, named)
    return Parts(
        settings,
        log,
        store,
        rules,
        ids,
        Recorder(rules, settings.partitions),
        ArtifactStore(settings.models),
        WriteKeys(settings.write_keys),
        Commanding(log, store),
    )


def graph_store(
    settings: Settings, ids: ProfileIds, file: Path | None = None, named: str = "CDP_GRAPH"
) -> GraphStore:
    """The graph's store as CDP_GRAPH names it; `file`: an embedded one, in that file."""
    if file is not None or settings.graph == "sqlite":
        return SqliteGraphStore(file or settings.graph_file, ids.fingerprint)
    try:
        address = address_of(settings.graph)
    except ValueError as error:
        raise SettingError(name="CDP_GRAPH", reason=error) from error
    return Neo4jGraphStore(msgspec.structs.replace(address, named=named), ids.fingerprint)


@asynccontextmanager
async def opened(parts: Parts) -> AsyncIterator[Parts]:
    """Opens the log and the graph, and closes them. Raises StoreError where one is refused, or the graph
    is not the log's."""
    await parts.log.open()
    try:
        await parts.store.open()
        try:
            await check_lineage(parts.log, parts.store)
            yield parts
        finally:
            await parts.store.close()
    finally:
        await parts.log.close()


@contextmanager
def only_worker(settings: Settings, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds the one worker's place. A second worker says that it waits, and waits; the place is free
    again when the process that has it ends, however it ends."""
    settings.data.mkdir(parents=True, exist_ok=True)
    with (settings.data / "worker.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
