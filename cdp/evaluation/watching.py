"""What became of the recommender in service: whom it does not know, how far its data has moved, and
what was clicked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import NamedTuple

from cdp.evaluation.log_tail import Tail, read_on
from cdp.eventlog.protocol import EventLog
from gnn.artifacts import ArtifactStore, RecommenderVersion
from gnn.drift import psi
from gnn.watch import ClickThrough, Watch
from graph_schema.model.time import DAY, Micros
from graph_schema.store import GraphReading

CHUNK = 10_000
BEFORE_DAYS = 28
TAIL_FILE = "watch-log.json"


async def watch(
    store: GraphReading, log: EventLog, artifacts: ArtifactStore, now: Callable[[], Micros]
) -> Watch:
    """Measures, keeps and answers. Reads the training graph once, and of the log what is new.

    Errors: NoActiveVersion, UnknownVersion, ArtifactDamaged, StoreUnavailable.
    """
    version, model = artifacts.active()
    known = set(model.item_ids)
    met = await _met(store, known, version.data_cutoff)
    tail = await read_on(log, artifacts.folder / TAIL_FILE)
    totals = await store.totals()
    last_day = version.data_cutoff // DAY
    found = Watch(
        version=version.id,
        at=now(),
        profiles=totals.profiles,
        without_known_item=max(0, totals.profiles - met.knowing),
        interactions=sum(met.since.values()),
        item_shift=psi(met.before, met.since),
        event_shift=psi(
            tail.events(last_day - BEFORE_DAYS + 1, last_day + 1),
            tail.events(last_day + 1, now() // DAY + 2),
        ),
        clicks=_clicks(tail, artifacts.versions()),
    )
    artifacts.keep_watch(found)
    return found


class _Met(NamedTuple):
    """Interactions by item in the weeks before the data ended, and since; and how many profiles have
    met an item that is known."""

    before: Counter[str]
    since: Counter[str]
    knowing: int


async def _met(store: GraphReading, known: Collection[str], cutoff: Micros) -> _Met:
    before: Counter[str] = Counter()
    since: Counter[str] = Counter()
    knowing, last_knowing = 0, None
    begin = cutoff - BEFORE_DAYS * DAY
    async for rows in store.training_graph(CHUNK):
        for row in rows:
            if row.last_at > cutoff:
                since[row.item_id] += 1
            elif row.last_at > begin:
                before[row.item_id] += 1
            # Rows come profile by profile.
            if row.profile_id != last_knowing and row.item_id in known:
                knowing, last_knowing = knowing + 1, row.profile_id
    return _Met(before, since, knowing)


def _clicks(tail: Tail, versions: Collection[RecommenderVersion]) -> tuple[ClickThrough, ...]:
    """Of the versions that are stored. Whoever invents ids of others is not heard."""
    return tuple(
        ClickThrough(
            version=version.id,
            personal=kind == "p",
            shown=tail.shown.get(version.id + kind, 0),
            clicked=tail.clicked.get(version.id + kind, 0),
        )
        for version in versions
        for kind in "pf"
        if version.id + kind in tail.shown.keys() | tail.clicked.keys()
    )
