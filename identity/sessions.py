"""Sessions: one device's events, cut where half an hour is silent or another user logs in.

identity.md, "Terms": sort one device's events by (timestamp, message id). A gap of more than 30
minutes begins a visit. Within a visit an event that names another user than the last one named begins
a session; what precedes the visit's first login belongs to that login's session.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto

import msgspec

from graph_schema.model.identifier import Key
from graph_schema.model.session import Session
from graph_schema.model.time import Micros


class Sighting(msgspec.Struct, frozen=True, order=True):
    """An event as sessions see it: `user` is the unblocked user it names."""

    at: Micros
    mid: str
    user: Key | None = None


class Span(msgspec.Struct, frozen=True):
    """A session: the first of its `count` events gives its `id`."""

    id: str
    count: int
    user: Key | None


class Step(Enum):
    """What an event that is behind the last one of its device does to the last session."""

    NEW_VISIT = auto()
    NEW_SESSION_IN_VISIT = auto()
    APPEND = auto()
    APPEND_AND_NAME_USER = auto()


BEGINS = frozenset({Step.NEW_VISIT, Step.NEW_SESSION_IN_VISIT})


def split(sightings: Sequence[Sighting], gap: Micros) -> list[Span]:
    """The sessions of one device's events, which must be sorted by (at, mid)."""
    spans: list[Span] = []
    for sighting, previous in zip(sightings, (None, *sightings), strict=False):
        new_visit = previous is None or sighting.at - previous.at > gap
        last = spans[-1] if spans and not new_visit else None
        if last is None or _changes_user(last.user, sighting.user):
            spans.append(Span(sighting.mid, 1, sighting.user))
        else:
            spans[-1] = Span(last.id, last.count + 1, last.user or sighting.user)
    return spans


def advance(last: Session | None, sighting: Sighting, gap: Micros) -> Step:
    """The same rule for one more event: it must lie behind `last`, the device's last session, in the
    order of (at, mid). Events that do not are late: `split` the visits around them anew."""
    if last is None or sighting.at - last.ended_at > gap:
        return Step.NEW_VISIT
    if _changes_user(last.user, sighting.user):
        return Step.NEW_SESSION_IN_VISIT
    if last.user is None and sighting.user is not None:
        return Step.APPEND_AND_NAME_USER
    return Step.APPEND


def owner_of(device: Key, user: Key | None, apart: Iterable[Key] = ()) -> Key:
    """Whom a session's facts belong to: its user; its device where it names none, or where a decision
    keeps the two apart (`apart`: the users that decisions keep apart from the device)."""
    return device if user is None or user in apart else user


def _changes_user(named: Key | None, user: Key | None) -> bool:
    return named is not None and user is not None and user != named
