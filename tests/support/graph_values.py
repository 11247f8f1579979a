"""Small consistent graphs, as what a batch writes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from stores import IDS

from graph_schema.model.event import Event, EventType
from graph_schema.model.evidence import Edge, EvidenceKind, EvidenceStatus, Seen
from graph_schema.model.identifier import Identifier, IdentifierStatus, Key, parse_key
from graph_schema.model.item import Interaction, Item
from graph_schema.model.profile import Profile
from graph_schema.model.rules import IdentityRules
from graph_schema.model.segment import (
    Membership,
    MembershipCause,
    Segment,
    SegmentStatus,
    SegmentVersion,
)
from graph_schema.model.session import DeviceFacts, Session
from graph_schema.model.tally import Tally
from graph_schema.store import (
    Batch,
    Checkpoint,
    Delta,
    GraphStore,
    MembershipEntry,
    Met,
    NewEvent,
    Page,
    Span,
)

After: TypeAlias = tuple[Any, ...] | None
LOG = "the log"
REC = 1_000_000
"""When the first delta of a test was recorded."""
DEVICE = "anonymous_id:a1"
_RULES = IdentityRules()
_exact = msgspec.json.Encoder(order="deterministic").encode


def exact(value: Any) -> Any:
    """For comparing to the letter: 1, 1.0 and true differ here, though Python calls them equal. Sets
    and the keys of objects have no order."""
    return msgspec.json.decode(_exact(value)), _exact(value)


async def commit(store: GraphStore, *deltas: Delta, partition: int = 0) -> Checkpoint:
    """Writes the deltas in one batch, one position further."""
    before = await store.checkpoint(partition, LOG)
    async with store.batch(before) as batch:
        for delta in deltas:
            await batch.write(delta)
        await batch.advance(before.position + 1, deltas[-1].rec if deltas else before.rec)
        return batch.checkpoint


async def write(batch: Batch, **what: Any) -> None:
    await batch.write(delta(**what))


def delta(rec: int = REC, **what: Any) -> Delta:
    return Delta(rec=rec, **what)


def union(*deltas: Delta) -> Delta:
    """One delta of several; `rec` is the last one's."""
    found = Delta(rec=deltas[-1].rec)
    for one in deltas:
        for name in Delta.__struct_fields__[1:]:
            getattr(found, name).extend(getattr(one, name))
    return found


def span(first: int = 100, after: tuple[Any, ...] | None = None, **bounds: Any) -> Span:
    return Span(first, after, **bounds)


async def walk(
    page: Callable[[After], Awaitable[Page[Any]]], first: int, keyset: Callable[[Any], After]
) -> list[Any]:
    """A whole list by its pages of `first`; none but the last is shorter."""
    found: list[Any] = []
    after: After = None
    while True:
        part = await page(after)
        found += part.items
        assert len(part.items) == first if part.has_next else len(part.items) <= first
        if not part.has_next:
            return found
        after = keyset(part.items[-1])


# ── values ─────────────────────────────────────────────────────────────────────────────────────


def identifier(key: Key, profile: str | None = None, **rest: Any) -> Identifier:
    namespace, _, value = parse_key(key)
    rest.setdefault("id", IDS.of(key))
    rest.setdefault("rank", _RULES.namespace(namespace).rank)
    rest.setdefault("first_at", 0)
    rest.setdefault("last_at", rest["first_at"])
    return Identifier(key=key, namespace=namespace, value=value, profile=profile, **rest)


def blocked(key: Key, **rest: Any) -> Identifier:
    return identifier(key, None, status=IdentifierStatus.BLOCKED, **rest)


def profile(
    id_: str, anchor: Key, first_at: int = 0, last_at: int | None = None, **rest: Any
) -> Profile:
    rest.setdefault("tally", Tally())
    return Profile(id_, anchor, first_at, first_at if last_at is None else last_at, **rest)


def session(
    id_: str, owner: Key | None = DEVICE, at: int = 0, until: int | None = None, **rest: Any
) -> Session:
    rest.setdefault("device", owner or DEVICE)
    rest.setdefault("user", None)
    rest.setdefault("last_mid", id_)
    rest.setdefault("facts", DeviceFacts())
    rest.setdefault("tally", Tally())
    return Session(
        id=id_, owner=owner, started_at=at, ended_at=at if until is None else until, **rest
    )


def event(mid: str, at: int, name: str = "Seen", **rest: Any) -> Event:
    rest.setdefault("type", EventType.TRACK)
    rest.setdefault("received_at", at)
    rest.setdefault("source", "w_test")
    return Event(message_id=mid, name=name, at=at, **rest)


def new_event(mid: str, session: str, at: int = 0, name: str = "Seen", **rest: Any) -> NewEvent:
    own = {
        key: rest.pop(key)
        for key in ("position", "rec", "device", "user", "digest", "partition")
        if key in rest
    }
    own.setdefault("position", 1)
    own.setdefault("rec", REC)
    own.setdefault("device", DEVICE)
    own.setdefault("user", None)
    own.setdefault("digest", mid.encode()[:16].ljust(16, b"."))
    return NewEvent(event=event(mid, at, name, **rest), session=session, **own)


def seen(a: Key, b: Key, half_hour: int = 0, at: int = 0, mid: str = "m", **rest: Any) -> Seen:
    rest.setdefault("kind", EvidenceKind.LOGIN)
    rest.setdefault("rec", REC)
    return Seen(a=a, b=b, half_hour=half_hour, at=at, mid=mid, **rest)


def edge(a: Key, b: Key, count: int = 1, **rest: Any) -> Edge:
    rest.setdefault("kind", EvidenceKind.LOGIN)
    rest.setdefault("first_at", 0)
    rest.setdefault("last_at", rest["first_at"])
    rest.setdefault("status", EvidenceStatus.JOINED)
    return Edge(a=a, b=b, count=count, **rest)


def between(*edges: Edge) -> Delta:
    """Evidence, with the identifiers at its ends, which nobody holds."""
    ends = sorted({end for one in edges for end in (one.a, one.b)})
    return delta(identifiers=[identifier(end) for end in ends], edges=list(edges))


def item(id_: str, **rest: Any) -> Item:
    rest.setdefault("updated_at", 0)
    return Item(id=id_, **rest)


def met(
    session: str,
    item: str,
    views: int = 0,
    carts: int = 0,
    purchases: int = 0,
    at: int = 0,
    until: int | None = None,
) -> Met:
    return Met(
        session, Interaction(item, views, carts, purchases, at, at if until is None else until)
    )


def segment(key: str, **rest: Any) -> Segment:
    rest.setdefault("name", key.title())
    rest.setdefault("status", SegmentStatus.ACTIVE)
    rest.setdefault("version", 1)
    rest.setdefault("rule", {"trait": {"name": "plan", "op": "EXISTS"}})
    rest.setdefault("created_at", REC)
    rest.setdefault("updated_at", REC)
    return Segment(key=key, **rest)


def version(number: int, **rest: Any) -> SegmentVersion:
    rest.setdefault("rule", {"trait": {"name": f"plan {number}", "op": "EXISTS"}})
    rest.setdefault("rec", REC + number)
    return SegmentVersion(number, **rest)


def entry(profile: str, segment: str, since: int = REC, **rest: Any) -> MembershipEntry:
    event = rest.pop("event", None)
    return MembershipEntry(membership(profile, segment, since, **rest), event)


def membership(profile: str, segment: str, since: int = REC, **rest: Any) -> Membership:
    rest.setdefault("version", 1)
    rest.setdefault("cause", MembershipCause.EVENT)
    return Membership(profile, segment, since=since, **rest)


# ── graphs ─────────────────────────────────────────────────────────────────────────────────────


def person(id_: str, *keys: Key, at: int = 0, until: int | None = None, **rest: Any) -> Delta:
    """A profile that holds the keys, the first of them its anchor. Its id is the anchor's."""
    anchor, *others = keys
    last_at = at if until is None else until
    identifiers = [identifier(anchor, id_, id=id_, first_at=at, last_at=last_at)]
    identifiers += [identifier(key, id_, first_at=at, last_at=last_at) for key in others]
    return delta(identifiers=identifiers, profiles=[profile(id_, anchor, at, last_at, **rest)])


def people(*ids: str) -> Delta:
    """Profiles of one identifier each, user_id:ID."""
    return union(*(person(id_, f"user_id:{id_}") for id_ in ids))


def visit(
    id_: str,
    owner: Key | None,
    events: Mapping[str, int] | Sequence[tuple[str, int, str]],
    **rest: Any,
) -> Delta:
    """A session with its events, as {message id: at} or (message id, at, name)."""
    found = [(m, at, "Seen") for m, at in events.items()] if isinstance(events, Mapping) else events
    times = sorted((at, mid) for mid, at, _ in found)
    whole = session(id_, owner, times[0][0], times[-1][0], last_mid=times[-1][1], **rest)
    return delta(
        events=[new_event(mid, id_, at, name, device=whole.device) for mid, at, name in found],
        sessions=[whole],
    )
