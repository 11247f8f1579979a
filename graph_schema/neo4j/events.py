"""The newest events of profiles, at a cost that follows the page and not the profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from graph_schema import columns
from graph_schema.model.time import Micros
from graph_schema.neo4j.statements import Single
from graph_schema.store import Span, StoredEvent

_SESSIONS_AT_ONCE: Final = 16


async def newest_events(
    run: Single,
    profiles: Sequence[str],
    names: Sequence[str] | None,
    span: Span,
    *,
    since: Micros,
    until: Micros,
) -> dict[str, list[StoredEvent]]:
    """Of each profile, newest first, one more than the span wants where there is one. Takes sessions
    by their ends, some at a time, until none that is left can hold an event among the newest: for
    nearly every page one round trip."""
    at, mid = span.after or (None, "")
    until = until if at is None else min(until, at + 1)
    best: dict[str, list[tuple[Micros, str, StoredEvent]]] = {id_: [] for id_ in profiles}
    open_ = list(profiles)
    offset = 0
    while open_:
        found = await run.rows(
            "event_pages",
            ids=open_, names=names, since=since, until=until, at=at, mid=mid,
            sessions=_SESSIONS_AT_ONCE, offset=offset, limit=span.first + 1,
        )  # fmt: skip
        offset += _SESSIONS_AT_ONCE
        open_ = []
        for profile, sessions, last_end, events in found:
            mine = best[profile]
            mine += [
                (e_at, e_mid, columns.stored_event([body, rec, session, profile]))
                for body, rec, session, e_at, e_mid in events
            ]
            mine.sort(key=lambda entry: entry[:2], reverse=True)
            del mine[span.first + 1 :]
            exhausted = sessions < _SESSIONS_AT_ONCE
            if not (exhausted or (len(mine) > span.first and last_end < mine[-1][0])):
                open_.append(profile)
    return {profile: [event for *_, event in mine] for profile, mine in best.items()}
