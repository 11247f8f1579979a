"""Everything that a graph answers, for holding one against another."""

from __future__ import annotations

from typing import Any

import msgspec

from graph_schema.model.identifier import Key
from graph_schema.store import GraphStore, Span

ALL = Span(10_000)
ORDERS = ("LAST_SEEN_DESC", "FIRST_SEEN_DESC", "ID")


async def answers(store: GraphStore) -> dict[str, Any]:
    """Every read of the protocol over everything there is, but for what tells when it became so: the
    histories, when each thing was recorded, by which version of the rules, and since when and why
    somebody is in a segment. A deadline may lie before the moment at which something turns over: how far
    before is no answer."""
    pages = {o: await store.profile_page(o, ALL, segment=None, search=None) for o in ORDERS}
    ids = [profile.id for profile in pages["ID"].items]
    keys = [i.key for page in await store.identifier_pages(ids, None, ALL) for i in page.items]
    segments = [segment.key for segment in await store.segments()]
    events = await store.event_pages(ids, None, ALL)
    sessions = await store.session_pages(ids, ALL)
    mids = [stored.event.message_id for page in events for stored in page.items]
    found = {
        "profiles": pages,
        "found by ids": await store.profiles_by_ids(ids),
        "counted": await store.profile_count(segment=None, search=None),
        "identifiers": await store.identifier_pages(ids, None, ALL),
        "by keys": await store.identifiers_by_keys(keys),
        "retired": await store.profiles_by_ids(
            [i.id for i in await store.identifiers_by_keys(keys) if i is not None]
        ),
        "identifier counts": await store.identifier_counts(ids, ["user_id", "email"]),
        "clusters": await _clusters(store, keys),
        "sessions": sessions,
        "session counts": await store.session_counts(ids),
        "session tallies": await store.session_tallies(ids),
        "sessions by event": await store.sessions_by_ids(mids),
        "events": events,
        "event counts": await store.event_counts(ids, None, ALL),
        "events by ids": await store.events_by_ids(mids),
        "segment sizes": await store.segment_sizes(segments),
        "members": {
            key: _plain((await store.member_page(key, "ID", ALL)).items) for key in segments
        },
        "memberships": [_plain(page.items) for page in await store.membership_pages(ids, ALL)],
        "interactions": await store.interactions_of(ids),
        "training graph": [row async for rows in store.training_graph(100) for row in rows],
        "totals": await store.totals(),
    }
    for name in segments:
        page = await store.profile_page("ID", ALL, segment=name, search=None)
        found[f"profiles of {name}"] = [profile.id for profile in page.items]
    return {name: _timeless(msgspec.to_builtins(value)) for name, value in found.items()}


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        kept = value.keys() - {"rec", "deadline", "resolved_by"}
        return {name: _timeless(value[name]) for name in kept}
    return [_timeless(part) for part in value] if isinstance(value, list) else value


async def _clusters(store: GraphStore, keys: list[Key]) -> Any:
    found = await store.clusters(keys)
    return {
        "members": sorted(found.members, key=lambda i: i.key),
        "neighbours": sorted(found.neighbours, key=lambda i: i.key),
        "anchors": found.anchors,
        "edges": sorted(found.edges, key=lambda edge: edge.key),
    }


def _plain(memberships: Any) -> list[tuple[str, str, int]]:
    return [(m.profile_id, m.segment, m.version) for m in memberships]
