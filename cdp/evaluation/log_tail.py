"""What the event log says of recommendations: read once, from where the last reading ended.

An event with `properties.recommendation_id` is about an answer of the recommender: `Recommendations
Shown` says that it was seen, any other track event that something of it was clicked. Each counts once
for an answer. Kept are counts, positions and the ids of the newest answers: nothing of a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from cdp.eventlog.partitioning import COMMANDS
from cdp.eventlog.protocol import EventLog
from gnn.watch import answered_by
from graph_schema.model.time import DAY

SHOWN = "Recommendations Shown"
PROPERTY = "recommendation_id"
CHUNK, CHUNK_BYTES = 5_000, 16_000_000
DAYS = 120
"""For so many days it is kept how many events of each name there were."""
MOST_NAMES = 200
"""Of each day so many names; the rest of a day is one."""
REST = ""
REMEMBERED = 50_000
"""So many of the newest answers' ids are kept, to count none twice."""


class Tail(msgspec.Struct, kw_only=True):
    """How far the log `log` was read, by partition, and what was found. `days`: events by name of each
    day since 1970 (UTC). `shown` and `clicked`: answers by version and kind (`r_…p`, `r_…f`), with
    the newest ids."""

    log: str
    positions: dict[int, int] = {}
    days: dict[int, dict[str, int]] = {}
    shown: dict[str, int] = {}
    clicked: dict[str, int] = {}
    newest_shown: list[str] = []
    newest_clicked: list[str] = []

    def events(self, since_day: int, until_day: int) -> Counter[str]:
        """Events by name over the days in [since, until)."""
        total: Counter[str] = Counter()
        for day, names in self.days.items():
            if since_day <= day < until_day:
                total.update(names)
        return total


class _Named(msgspec.Struct):
    name: str
    at: int


class _About(msgspec.Struct):
    name: str
    at: int
    type: str
    properties: dict[str, Any] = {}


_named = msgspec.json.Decoder(_Named).decode
_about = msgspec.json.Decoder(_About).decode
_MARK = f'"{PROPERTY}"'.encode()


async def read_on(log: EventLog, path: Path) -> Tail:
    """Reads what was appended since the reading that lies at `path`, and keeps the result there. One
    of another log, or one that cannot be read, is begun anew."""
    tail = _kept(path, log.log_id)
    answers = _Answers(tail)
    for partition in sorted((await log.tails()).keys() - {COMMANDS}):
        position = tail.positions.get(partition, 0)
        while records := await log.read(partition, position, CHUNK, CHUNK_BYTES):
            for record in records:
                if record.body is not None:
                    answers.take(record.body)
            position = records[-1].position
        tail.positions[partition] = position
    answers.finish()
    staged = path.with_name(f".{path.name}")
    staged.write_bytes(msgspec.json.encode(tail))
    staged.replace(path)
    return tail


def _kept(path: Path, log_id: str) -> Tail:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Tail)
    except (FileNotFoundError, msgspec.MsgspecError):
        return Tail(log=log_id)
    return found if found.log == log_id else Tail(log=log_id)


class _Answers:
    """Adds events to a tail."""

    def __init__(self, tail: Tail) -> None:
        self._tail = tail
        self._days = {day: Counter(names) for day, names in tail.days.items()}
        self._newest = (dict.fromkeys(tail.newest_shown), dict.fromkeys(tail.newest_clicked))

    def take(self, body: bytes) -> None:
        try:
            said = _about(body) if _MARK in body else _named(body)
        except msgspec.MsgspecError:
            return  # the worker tells of it
        self._days.setdefault(said.at // DAY, Counter())[said.name] += 1
        if isinstance(said, _About) and said.type == "track":
            self._count(said.properties.get(PROPERTY), clicked=said.name != SHOWN)

    def _count(self, request: object, *, clicked: bool) -> None:
        answered = answered_by(request)
        newest = self._newest[clicked]
        if answered is None or request in newest:
            return
        newest[str(request)] = None
        version, personal = answered
        counts = self._tail.clicked if clicked else self._tail.shown
        kind = f"{version}{'p' if personal else 'f'}"
        counts[kind] = counts.get(kind, 0) + 1

    def finish(self) -> None:
        newest_day = max(self._days, default=0)
        self._tail.days = {
            day: _few(names) for day, names in sorted(self._days.items()) if day > newest_day - DAYS
        }
        shown, clicked = (list(newest)[-REMEMBERED:] for newest in self._newest)
        self._tail.newest_shown, self._tail.newest_clicked = shown, clicked


def _few(names: Mapping[str, int]) -> dict[str, int]:
    most = Counter({name: count for name, count in names.items() if name != REST})
    kept = dict(most.most_common(MOST_NAMES))
    rest = sum(names.values()) - sum(kept.values())
    return {**kept, REST: rest} if rest else kept
