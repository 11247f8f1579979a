"""Everything that a graph store answers, by every method of the protocol, as comparable data.

What to ask about is found by walking the graph, and includes what is not there and what is asked
twice. A snapshot is a dict of JSON texts by question, so that two of them are compared to the letter:
1, 1.0 and true are different, and so are the orders of lists.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeAlias

import msgspec
from graph_values import After, walk

from graph_schema.knowledge import EARLIEST, DecidingReading, EvidenceReading
from graph_schema.model.change import IdentityChange
from graph_schema.model.identifier import Identifier
from graph_schema.model.profile import Profile
from graph_schema.model.segment import Segment
from graph_schema.model.session import Session
from graph_schema.reading import MomentReading
from graph_schema.store import (
    Batch,
    GraphStore,
    Page,
    Span,
    StoredEvent,
    Wanted,
)

Snapshot: TypeAlias = dict[str, bytes]

MANY = 10_000
_json = msgspec.json.Encoder(order="deterministic").encode


class Known(msgspec.Struct):
    """What there is to ask about."""

    profiles: list[str]
    identifiers: list[Identifier]
    sessions: list[Session]
    events: list[StoredEvent]
    segments: list[Segment]
    items: list[str]
    changes: list[str]
    commands: list[str]


async def snapshot(store: GraphStore, commands: Sequence[str] = ()) -> Snapshot:
    known = await known_of(store, commands)
    answers: dict[str, Any] = {}
    parts = (
        _identity, _pages, _sessions, _events, _segments, _items, _changes, _histories, _worker,
        _walks, _evidence, _between, _past,
    )  # fmt: skip
    for part in parts:
        answers |= await part(store, known)
    return {question: _json(answer) for question, answer in answers.items()}


async def moment_snapshot(reading: MomentReading, known: Known) -> Snapshot:
    """Everything that can be asked of what was known at one moment. Deadlines are no part of it: they
    are the worker's."""
    answers: dict[str, Any] = {}
    for part in (_identity, _sessions, _events, _segments, _histories, _evidence):
        answers |= await part(reading, known)
    return {question: _json(_without_deadlines(answer)) for question, answer in answers.items()}


def _without_deadlines(answer: Any) -> Any:
    if isinstance(answer, Profile):
        return msgspec.structs.replace(answer, deadline=None)
    return [_without_deadlines(one) for one in answer] if isinstance(answer, list) else answer


async def batch_snapshot(batch: Batch, known: Known) -> Snapshot:
    """Everything that a worker can ask in its batch."""
    answers = await _in_batch(batch, known) | await _evidence(batch, known)
    answers |= await _between(batch, known)
    return {question: _json(answer) for question, answer in answers.items()}


def differing(one: Snapshot, other: Snapshot) -> dict[str, tuple[Any, Any]]:
    """By question, the two answers where they differ."""
    return {
        question: (_readable(one.get(question)), _readable(other.get(question)))
        for question in sorted(one.keys() | other.keys())
        if one.get(question) != other.get(question)
    }


def _readable(answer: bytes | None) -> Any:
    return None if answer is None else msgspec.json.decode(answer)


# ── what there is ──────────────────────────────────────────────────────────────────────────────


async def known_of(store: GraphStore, commands: Sequence[str] = ()) -> Known:
    """`commands`: the ids whose outcomes are asked for: nothing lists those."""
    identifiers = await _whole(store.walk_identifiers(MANY))
    sessions = [walked.session for walked in await _whole(store.walk_sessions(MANY))]
    ids = sorted(session.id for session in sessions)
    pages = await store.session_event_pages(ids, Span(MANY))
    changes = [e.change.id for e in await _feed(store) if isinstance(e.change, IdentityChange)]
    return Known(
        profiles=await store.profile_ids_after("", MANY),
        identifiers=sorted(identifiers, key=lambda one: one.key),
        sessions=sorted(sessions, key=lambda one: one.id),
        events=[one for page in pages for one in page.items],
        segments=await store.segments(),
        items=[one.id for one in await store.items_after("", MANY)],
        changes=changes,
        commands=list(commands),
    )


async def _whole(chunks: AsyncIterator[list[Any]]) -> list[Any]:
    return [value async for chunk in chunks for value in chunk]


async def _feed(store: GraphStore) -> list[Any]:
    return await store.changes((0,) * len(await store.feed_end()), MANY)


def _asked(values: Sequence[str]) -> list[str]:
    """The values, one that is not there, and some twice."""
    return [*values, "nobody's", *values[:2]]


def _middle(values: Sequence[Any]) -> Any:
    return values[len(values) // 2] if values else None


# ── by theme ───────────────────────────────────────────────────────────────────────────────────


async def _identity(store: MomentReading, known: Known) -> dict[str, Any]:
    keys = [one.key for one in known.identifiers]
    ids = [one.id for one in known.identifiers]
    profiles = _asked(known.profiles)
    middle = _middle(known.identifiers)
    after = (middle.rank, middle.first_at, middle.key) if middle else None
    answers: dict[str, Any] = {
        "identifiers_by_keys": await store.identifiers_by_keys(_asked(keys)),
        "identifiers_by_ids": await store.identifiers_by_ids(_asked(ids)),
        "profiles_by_ids": await store.profiles_by_ids(_asked(ids)),
    }
    for names in (None, ["user_id", "email"], ["anonymous_id"], []):
        answers[f"identifier_counts {names}"] = await store.identifier_counts(profiles, names)
        for span in (Span(MANY), Span(2), Span(2, after)):
            answers[f"identifier_pages {names} {span}"] = await store.identifier_pages(
                profiles, names, span
            )
    return answers


async def _pages(store: GraphStore, known: Known) -> dict[str, Any]:
    segments: list[str | None] = [None, "nobody's", *(one.key for one in known.segments)]
    values = [one.value for one in known.identifiers]
    searches: list[str | None] = [None, "a", "GOLD", "nobody's", *values[:1]]
    answers: dict[str, Any] = {}
    for segment, search in [(s, None) for s in segments] + [(None, s) for s in searches[1:]]:
        where: dict[str, Any] = {"segment": segment, "search": search}
        answers[f"profile_count {where}"] = await store.profile_count(**where)
        for order in ("LAST_SEEN_DESC", "FIRST_SEEN_DESC", "ID"):

            async def page(after: After, order: str = order, where: Any = where) -> Page[Any]:
                return await store.profile_page(order, Span(7, after), **where)

            def keyset(one: Any, order: str = order) -> After:
                if order == "ID":
                    return (one.id,)
                return (one.last_at if order == "LAST_SEEN_DESC" else one.first_at, one.id)

            answers[f"profile_page {order} {where}"] = await walk(page, 7, keyset)
    return answers


async def _sessions(store: MomentReading, known: Known) -> dict[str, Any]:
    profiles = _asked(known.profiles)
    mids = [one.event.message_id for one in known.events]
    middle = _middle(sorted(known.sessions, key=lambda one: (one.started_at, one.id)))
    at, id_ = (middle.started_at, middle.id) if middle else (0, "")
    spans = (
        Span(MANY), Span(1), Span(2, (at, id_)), Span(MANY, since=at), Span(MANY, until=at),
        Span(1, (at, id_), at - 1, at + 1),
    )  # fmt: skip
    answers: dict[str, Any] = {
        "session_counts": await store.session_counts(profiles),
        "sessions_by_ids": await store.sessions_by_ids(_asked(mids)),
        "session_tallies": await store.session_tallies(profiles),
    }
    for span in spans:
        answers[f"session_pages {span}"] = await store.session_pages(profiles, span)
    return answers


async def _events(store: MomentReading, known: Known) -> dict[str, Any]:
    profiles = _asked(known.profiles)
    sessions = _asked([one.id for one in known.sessions])
    mids = _asked([one.event.message_id for one in known.events])
    names = sorted({one.event.name for one in known.events})
    middle = _middle(sorted((one.event.at, one.event.message_id) for one in known.events))
    at, mid = middle or (0, "")
    spans = (
        Span(MANY), Span(1), Span(3, (at, mid)), Span(MANY, since=at), Span(MANY, until=at),
        Span(2, (at, mid), at - 1, at + 1),
    )  # fmt: skip
    answers: dict[str, Any] = {
        "events_by_ids": await store.events_by_ids(mids),
        "profile_events": await store.profile_events(profiles, [*names, "Nothing"], at),
        "profile_events of nothing": await store.profile_events(profiles, [], 0),
    }
    for span in spans:
        answers[f"session_event_pages {span}"] = await store.session_event_pages(sessions, span)
        for wanted in (None, names[:1], []):
            question = f"{wanted} {span}"
            answers[f"event_pages {question}"] = await store.event_pages(profiles, wanted, span)
            answers[f"event_counts {question}"] = await store.event_counts(profiles, wanted, span)
    return answers


async def _segments(store: MomentReading, known: Known) -> dict[str, Any]:
    profiles = _asked(known.profiles)
    keys = _asked([one.key for one in known.segments])
    answers: dict[str, Any] = {
        "segments": await store.segments(),
        "segments_by_keys": await store.segments_by_keys(keys),
        "segment_versions": await store.segment_versions(keys),
        "segment_sizes": await store.segment_sizes(keys),
        "membership_counts": await store.membership_counts(profiles),
    }
    for span in (Span(MANY), Span(1), Span(1, (_middle(keys),))):
        answers[f"membership_pages {span}"] = await store.membership_pages(profiles, span)
    for key in keys:
        for order in ("SINCE_DESC", "ID"):

            async def page(after: After, key: str = key, order: str = order) -> Page[Any]:
                return await store.member_page(key, order, Span(7, after))

            def keyset(one: Any, order: str = order) -> After:
                return (one.profile_id,) if order == "ID" else (one.since, one.profile_id)

            answers[f"member_page {key} {order}"] = await walk(page, 7, keyset)
    return answers


async def _past(store: GraphStore, known: Known) -> dict[str, Any]:
    """At the moment by which half of the events were recorded, and when all were."""
    keys = _asked([one.key for one in known.identifiers])
    profiles = _asked(known.profiles)
    sessions = _asked([one.id for one in known.sessions])
    mids = _asked([one.event.message_id for one in known.events])
    names = sorted({one.event.name for one in known.events})[:2]
    recs = sorted(one.rec for one in known.events)
    answers: dict[str, Any] = {
        "known_since": await store.known_since(),
        "sessions_holding": _by_id(await store.sessions_holding(mids)),
        "sessions_within": _by_id(
            await store.sessions_within(
                [(one.device, one.started_at - 1, one.ended_at + 1) for one in known.sessions]
            )
        ),
    }
    for t in {_middle(recs) or 0, max(recs, default=0), 1 << 60}:
        at = f"at {t}"
        answers |= {
            f"identifiers {at}": await store.identifiers_at(keys, t),
            f"members {at}": await store.members_at(profiles, t),
            f"seen {at}": sorted(
                await store.seen_at(keys, t), key=lambda s: (s.a, s.b, s.kind, s.at, s.mid)
            ),
            f"sessions {at}": _by_id(await store.sessions_about(keys, t)),
            f"events {at}": sorted(
                await store.events_at(sessions, t), key=lambda one: one.event.message_id
            ),
            f"event page {at}": await store.event_page_at(sessions, None, Span(3), t),
            f"event page of some {at}": await store.event_page_at(sessions, names, Span(MANY), t),
            f"memberships {at}": await store.memberships_at(profiles, t),
            f"segments {at}": await store.segments_at(t),
        }
        segments = _asked([one.key for one in known.segments])
        answers[f"segment sizes {at}"] = await store.segment_sizes_at(segments, t)
        for order in ("SINCE_DESC", "ID"):
            answers[f"member pages {order} {at}"] = [
                await store.member_page_at(key, order, Span(MANY), t) for key in segments
            ]
    return answers


def _by_id(sessions: Sequence[Session]) -> list[Session]:
    return sorted(sessions, key=lambda one: one.id)


async def _items(store: GraphStore, known: Known) -> dict[str, Any]:
    return {
        "items_by_ids": await store.items_by_ids(_asked(known.items)),
        "items_after": await store.items_after(_middle(known.items) or "", 3),
        "interactions_of": await store.interactions_of(_asked(known.profiles)),
        "training_graph": await _whole(store.training_graph(5)),
        "totals": await store.totals(),
    }


async def _changes(store: GraphStore, known: Known) -> dict[str, Any]:
    whole = await store.change_page(None, Span(MANY))
    middle = _middle(whole.items)
    rec, after = (middle.rec, (middle.rec, middle.change.id)) if middle else (0, None)
    end = await store.feed_end()
    answers: dict[str, Any] = {
        "feed_end": end,
        "changes": await _feed(store),
        "changes behind": await store.changes(tuple(seq // 2 for seq in end), 5),
        "changes from nowhere": await store.changes((), 3),
        "outcomes": await store.outcomes(_asked(known.commands)),
        "dead_records": await store.dead_records((0, 0), MANY),
        "dead_records behind": await store.dead_records((0, 10), 2),
    }
    for kinds in (None, ["merge"], ["split", "move"], []):
        for span in (Span(MANY), Span(1, after), Span(2, None, rec, rec + 5), Span(3, until=rec)):
            answers[f"change_page {kinds} {span}"] = await store.change_page(kinds, span)
            count = await store.change_count(kinds, span.since, span.until)
            answers[f"change_count {kinds} {span}"] = count
    return answers


async def _histories(store: MomentReading, known: Known) -> dict[str, Any]:
    decisions = [one.id for one in await store.decisions(EARLIEST)]
    about = _asked([*known.changes, *decisions[:1]])
    lineages = [
        [one.id for one in known.identifiers if one.profile == id_] for id_ in known.profiles
    ]
    lineages += [[], known.profiles, ["nobody's"]]
    told = [one for one in await store.changes_by_ids(known.changes) if one is not None]
    middle = _middle(sorted(told, key=lambda one: (one.at, one.id)))
    rec, after = (middle.at, (middle.at, middle.id)) if middle else (0, None)
    keys = [one.key for one in known.identifiers]
    edges = sorted(edge.key for edge in (await store.clusters(keys)).edges)
    answers: dict[str, Any] = {
        "decisions_naming": await store.decisions_naming(_asked(keys)),
        "decisions_naming one": await store.decisions_naming(keys[-1:]),
        "newest_seen": await store.newest_seen([*edges, *edges[:2]], 2),
        "decisions_by_ids": await store.decisions_by_ids(_asked(decisions)),
        "decisions_about": await store.decisions_about(about),
        "decisions_about one": await store.decisions_about(decisions[-1:]),
        "history_counts": await store.history_counts(lineages, None),
        "history_counts until": await store.history_counts(lineages, rec),
    }
    for span in (Span(MANY), Span(1), Span(2, after), Span(2, since=rec), Span(2, until=rec)):
        answers[f"history_pages {span}"] = await store.history_pages(lineages, span)
    return answers


async def _evidence(reader: EvidenceReading, known: Known) -> dict[str, Any]:
    """The same inside of a batch and outside."""
    keys = _asked([one.key for one in known.identifiers])
    clusters = await reader.clusters(keys)
    edges = [one.key for one in clusters.edges]
    halves = await reader.halves([*edges, *edges[:3]])
    decisions = await reader.decisions(EARLIEST)
    middle = _middle(decisions)
    return {
        "clusters": (
            sorted(clusters.members, key=lambda one: one.key),
            sorted(clusters.neighbours, key=lambda one: one.key),
            clusters.anchors,
            sorted(clusters.edges, key=lambda one: one.key),
        ),
        "clusters of some": [
            sorted(one.key for one in (await reader.clusters(keys[:1])).members),
            sorted(one.key for one in (await reader.clusters(keys[:1])).neighbours),
        ],
        "halves": sorted(halves, key=lambda one: (one.a, one.b, one.kind, one.half_hour)),
        "decisions": decisions,
        "decisions behind": await reader.decisions((middle.rec, middle.id)) if middle else [],
        "changes_by_ids": await reader.changes_by_ids(_asked(known.changes)),
    }


async def _between(reader: DecidingReading, known: Known) -> dict[str, Any]:
    devices = [one.device for one in known.sessions]
    users = [one.user for one in known.sessions if one.user is not None]
    found = await reader.sessions_between(devices, users)
    return {"sessions_between": sorted(found, key=lambda one: one.id)}


async def _worker(store: GraphStore, known: Known) -> dict[str, Any]:
    deadline = await store.next_deadline()
    return {
        "places": await store.places(_asked([one.event.message_id for one in known.events])),
        "checkpoints": await store.checkpoints(),
        "next_deadline": deadline,
        "due": await store.due(1 << 62, MANY),
        "due first": await store.due((deadline or 0) + 1, 2),
        "profile_ids_after": await store.profile_ids_after(_middle(known.profiles) or "", 4),
        "rules": await store.rules(0),
        "outdated_count": [await store.outdated_count(version) for version in range(3)],
    }


async def _walks(store: GraphStore, known: Known) -> dict[str, Any]:
    mids = [one.event.message_id for one in known.events]
    return {
        "walk_identifiers": known.identifiers,
        "walk_sessions": sorted(
            await _whole(store.walk_sessions(3)), key=lambda one: one.session.id
        ),
        "walk_edges": sorted(await _whole(store.walk_edges(4)), key=lambda one: one.key),
        "walk_seen": sorted(
            await _whole(store.walk_seen(4)),
            key=lambda one: (one.a, one.b, one.kind, one.half_hour, one.at, one.mid),
        ),
        "recorded": [
            one
            and (
                one.event,
                one.partition,
                one.partition,
                one.position,
                one.rec,
                one.device,
                one.user,
                one.session,
                one.digest,
            )
            for one in await store.recorded(_asked(mids))
        ],
        "dangling": sorted(await store.dangling(MANY), key=lambda one: (one.kind, one.id)),
    }


async def _in_batch(batch: Batch, known: Known) -> dict[str, Any]:
    keys = _asked([one.key for one in known.identifiers])
    profiles = _asked(known.profiles)
    sessions = _asked([one.id for one in known.sessions])
    mids = [one.event.message_id for one in known.events]
    devices = sorted({one.device for one in known.sessions})
    edges = [one.key for one in (await batch.clusters(keys)).edges]
    halves = await batch.halves(edges)
    pairs = tuple((one.a, one.b, one.kind.value, one.half_hour) for one in halves)
    at = _middle(sorted(one.event.at for one in known.events)) or 0
    loaded = await batch.load(
        Wanted(tuple(_asked(mids)), tuple(keys), pairs, dict.fromkeys(devices, at))
    )
    return {
        "load": (
            loaded.digests, loaded.identifiers, loaded.sessions, loaded.profiles,
            sorted(loaded.seen.items()),
        ),
        "edges": sorted(await batch.edges([*edges, *edges]), key=lambda one: one.key),
        "visits": [await batch.visits(device, at, at + 1) for device in devices],
        "events_of": sorted(
            await batch.events_of(sessions), key=lambda one: one.event.message_id
        ),
        "tallies": {
            id_: sorted(found, key=lambda one: one.id)
            for id_, found in (await batch.tallies(profiles)).items()
        },
        "profiles": await batch.profiles(profiles),
        "identifiers_of": await batch.identifiers_of(profiles),
        "memberships": await batch.memberships(profiles),
        "profile_events": await batch.profile_events(
            profiles, sorted({one.event.name for one in known.events}), at
        ),
        "items": await batch.items(_asked(known.items)),
        "segment_states": await batch.segment_states(),
        "rules": await batch.rules(0),
        "outdated": [await batch.outdated(version, "", MANY) for version in range(3)],
        "outdated behind": await batch.outdated(2, _middle(keys) or "", 2),
        "burned_by": [sorted(await batch.burned_by(users)) for users in (0, 1, MANY)],
        "checkpoints": await batch.checkpoints(),
        "outcomes": [await batch.outcome(id_) for id_ in _asked(known.commands)],
    }  # fmt: skip


# ── what does not depend on when things were recorded ──────────────────────────────────────────


async def timeless(store: GraphStore) -> Snapshot:
    """What the same events give in any order, delay, duplication and batching."""
    known = await known_of(store, ())
    seen: dict[Any, Any] = {}
    for one in await _whole(store.walk_seen(MANY)):
        key = (one.a, one.b, one.kind, one.half_hour)
        seen[key] = min(seen.get(key, (one.at, one.mid)), (one.at, one.mid))
    profiles = await store.profiles_by_ids(known.profiles)
    answers: dict[str, Any] = {
        "identifiers": known.identifiers,
        "edges": sorted(await _whole(store.walk_edges(MANY)), key=lambda one: one.key),
        "seen": sorted(seen.items()),
        "decisions": await store.decisions(EARLIEST),
        "sessions": [
            (
                msgspec.structs.replace(one.session, rec=0),
                sorted(one.interactions, key=lambda met: met.item_id),
            )
            for one in sorted(
                await _whole(store.walk_sessions(MANY)), key=lambda one: one.session.id
            )
        ],
        "profiles": [(p.id, p.anchor, p.first_at, p.last_at, p.tally) for p in profiles if p],
        "events": sorted(
            (one.event.message_id, one.event.name, one.event.at, one.session, one.profile or "")
            for one in known.events
        ),
        "interactions": await store.interactions_of(known.profiles),
        "event pages": [
            [one.event.message_id for one in page.items]
            for page in await store.event_pages(known.profiles, None, Span(MANY))
        ],
        "memberships": [
            [one.segment for one in page.items]
            for page in await store.membership_pages(known.profiles, Span(MANY))
        ],
        "dangling": await store.dangling(MANY),
    }
    return {question: _json(answer) for question, answer in answers.items()}


def undated(found: Snapshot) -> Snapshot:
    """When a decision was recorded is another moment in another log."""
    edges = msgspec.json.decode(found["edges"])
    for edge in edges:
        if edge["kind"] == "confirmed":
            edge["first_at"] = edge["last_at"] = 0
    decisions = [one | {"rec": 0, "at": 0} for one in msgspec.json.decode(found["decisions"])]
    return found | {
        "edges": msgspec.json.encode(edges),
        "decisions": msgspec.json.encode(decisions),
    }
