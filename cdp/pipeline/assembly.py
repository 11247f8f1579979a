"""Putting a worker together."""

from __future__ import annotations

from collections.abc import Callable

from cdp.eventlog.protocol import EventLog
from cdp.pipeline.apply import EventApplier
from cdp.pipeline.background import Background
from cdp.pipeline.commands import CommandApplier
from cdp.pipeline.dead_letters import Replaying
from cdp.pipeline.holding import EveryPartition, Holding
from cdp.pipeline.in_force import InForce
from cdp.pipeline.pruning import KEEP, Pruning
from cdp.pipeline.records import RecordApplier
from cdp.pipeline.rules import RulesWalk
from cdp.pipeline.upkeep import Upkeep
from cdp.pipeline.worker import Worker
from graph_schema.model.time import Micros
from graph_schema.store import GraphStore


def worker_of(
    log: EventLog,
    store: GraphStore,
    in_force: InForce,
    batch_size: int,
    holding: Holding | None = None,
    progress: Callable[[int], None] = lambda applied: None,
    keep_feed: Micros = KEEP,
) -> Worker:
    """A worker of the log. `holding`: which partitions it applies; all where nothing is said."""
    events = EventApplier(store, in_force)
    commands = CommandApplier(store, in_force)
    return Worker(
        log,
        store,
        holding or EveryPartition(store, lambda: log.log_id),
        in_force,
        RecordApplier(store, events, commands, Replaying(log, store, events)),
        Upkeep(store, in_force),
        Background(store, in_force),
        RulesWalk(store, in_force),
        Pruning(store, in_force.now, keep_feed),
        batch_size,
        progress,
    )
