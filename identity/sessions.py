"""Sessions: one device's events, cut where half an hour is silent or another user logs in.

identity.md, "Terms": sort one device's events by (timestamp, message id). A gap of more than 30
minutes begins a visit. Within a visit an event that names another user than the last one named begins
a session; what precedes the visit's first login belongs to that login's session.

`split` is that rule over all events of a device. `advance` is the same rule for one event behind all
others of its device, from nothing but the device's last session. An event that is not behind them is
late. Where it lies inside a session and is of its user, or of nobody, it joins it (`insert`); else the
visits that it can touch are split again:

    reach = around(at, at, gap)
    while (wider := widened(reach, found := load(device, *reach), gap)) != reach:
        reach = wider
    split(sorted(events of found, and the late one), gap)

That is enough: a late event joins at most the visit that ends within a gap before it with the one that
begins within a gap after it. It can change who is the first to log in (so everything from that visit's
begin) and who was the last one named (so everything to that visit's end), and visits further off are
still more than a gap away.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import TypeAlias

import msgspec

from graph_schema.model.identifier import Key
from graph_schema.model.session import Session
from graph_schema.model.time import HALF_HOUR, Micros

Reach: TypeAlias = tuple[Micros, Micros]
"""Event times [since, until], both included."""


class Sighting(msgspec.Struct, frozen=True, order=True):
    """An event as sessions see it: `user` is the user it names, None also where that is blocked."""

    at: Micros
    mid: str
    user: Key | None = None


class Span(msgspec.Struct, frozen=True):
    """A session: the next `count` events of those that were split. Its first one gives the `id`."""

    id: str
    count: int
    user: Key | None


class Step(Enum):
    """What an event does to the sessions of its device."""

    NEW_VISIT = auto()
    NEW_SESSION_IN_VISIT = auto()
    APPEND = auto()
    APPEND_AND_NAME_USER = auto()
    """The visit's first login: the last session, and all that hangs on it, has an owner anew."""
    LATE = auto()
    """It is not behind the device's last event: split what is within its reach again."""


BEGINS = frozenset({Step.NEW_VISIT, Step.NEW_SESSION_IN_VISIT})


def split(sightings: Sequence[Sighting], gap: Micros = HALF_HOUR) -> list[Span]:
    """The sessions of one device's events, which must be sorted by (at, mid)."""
    spans: list[Span] = []
    start, user, last_at = 0, None, 0
    for position, sighting in enumerate(sightings):
        if position and (sighting.at - last_at > gap or _changes_user(user, sighting.user)):
            spans.append(Span(sightings[start].mid, position - start, user))
            start, user = position, None
        user = user or sighting.user
        last_at = sighting.at
    if sightings:
        spans.append(Span(sightings[start].mid, len(sightings) - start, user))
    return spans


def advance(last: Session | None, sighting: Sighting, gap: Micros = HALF_HOUR) -> Step:
    """The same rule for one more event, where `last` is the device's last session, None where it has
    none. The event must be new: the same message id twice is for the caller to notice."""
    if last is None or sighting.at - last.ended_at > gap:
        return Step.NEW_VISIT
    if (sighting.at, sighting.mid) < (last.ended_at, last.last_mid):
        return Step.LATE
    if _changes_user(last.user, sighting.user):
        return Step.NEW_SESSION_IN_VISIT
    if last.user is None and sighting.user is not None:
        return Step.APPEND_AND_NAME_USER
    return Step.APPEND


def insert(session: Session, sighting: Sighting) -> Step:
    """The same rule for a late event that lies inside a session, behind its first event and before its
    last: APPEND or APPEND_AND_NAME_USER where no session begins or ends elsewhere for it, else LATE.

    Within a session no two events are more than a gap apart, and nobody but its user logs in. Where
    nobody does, it is a whole visit: the next session of one begins with another user than the last.
    """
    first, last = (session.started_at, session.id), (session.ended_at, session.last_mid)
    if not first < (sighting.at, sighting.mid) < last:
        return Step.LATE
    if sighting.user is None or sighting.user == session.user:
        return Step.APPEND
    return Step.APPEND_AND_NAME_USER if session.user is None else Step.LATE


def around(since: Micros, until: Micros, gap: Micros = HALF_HOUR) -> Reach:
    """Where sessions may be next to late events of [since, until]."""
    return since - gap, until + gap


def widened(reach: Reach, sessions: Sequence[Session], gap: Micros = HALF_HOUR) -> Reach:
    """The reach of whole visits, given the device's sessions that overlap `reach`. Unchanged where
    they are whole; else the sessions that overlap what it answers are to be loaded, and so on."""
    since, until = reach
    for session in sessions:
        since = min(since, session.started_at - gap)
        until = max(until, session.ended_at + gap)
    return since, until


def owner_of(device: Key | None, user: Key | None, kept_apart: bool = False) -> Key | None:
    """Whom a session's facts belong to: its user; its device where it names none, or where a decision
    keeps the two apart. An event whose identifiers are all blocked has no device: it is a session of
    its own, and nobody's."""
    return device if user is None or kept_apart else user


def _changes_user(named: Key | None, user: Key | None) -> bool:
    return named is not None and user is not None and user != named
