"""What an evaluation says: values, and the names of its methods and scopes.

Two readings of one graph stand side by side. `GRAPH`, strict: all sessions of one profile are claimed to
be one person's. `UNATTRIBUTED`: the sessions without a login on a device that the graph itself marks as
shared are claimed to be nobody's; no pair is claimed of two such sessions, so they cost recall only.

`CEILING` is right about all logins, and is told who made more than half of the visits without login on
each device that saw a login: they are that person's, and nobody's where there is no such person. No rule
can know as much; what it gets wrong are the visits without login of several people on one device, which
nothing in the events tells apart.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from graph_schema.model.identifier import Key
from identity.evaluation.measures import Evaluation, Stratum
from identity.evaluation.standing import Place

GRAPH = "graph"
UNATTRIBUTED = "graph, shared nobody's"
CEILING = "ceiling by device"

SESSIONS, EVENTS, IDENTIFIERS = "sessions", "events", "identifiers"
ALL = "all"
SAW_LOGIN = "devices that saw a login"
OWN = "without shared devices"
OWN_SAW_LOGIN = "saw a login, without shared"


class Truth(msgspec.Struct, frozen=True):
    """Who made each event; the household of each person; who used each identifier."""

    people: Mapping[str, str]
    households: Mapping[str, str]
    identifiers: Mapping[Key, frozenset[str]]


class Row(msgspec.Struct, frozen=True):
    """`level`: sessions, events or identifiers. `scope`: which of them."""

    level: str
    scope: str
    method: str
    evaluation: Evaluation


class Assessment(msgspec.Struct, frozen=True):
    """`absent`: events of the truth that no session of the graph holds. `mixed`: sessions that hold
    events of several people; the person of a session is the one of most of its events.
    `devices`: by kind of device, strict and unattributed. `false`, `missed`: pairs of sessions, strict,
    each laid to the one of its two sessions of which less is known."""

    sessions: int
    absent: int
    mixed: int
    rows: tuple[Row, ...]
    devices: dict[str, tuple[Stratum, Stratum]]
    false: dict[Place, int]
    missed: dict[Place, int]

    def row(self, level: str, scope: str, method: str) -> Evaluation:
        return next(
            row.evaluation
            for row in self.rows
            if (row.level, row.scope, row.method) == (level, scope, method)
        )
