"""Segments as they were known at one moment: who is in them, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from api.platform import Condition, SegmentDetail, Trace
from cdp.segments.explain import trace
from cdp.segments.index import needs_of, uses_of
from cdp.segments.parse import parse
from cdp.segments.views import StoredView
from graph_schema.model.rule import Rule
from graph_schema.model.segment import Membership, Segment, SegmentStatus, SegmentVersion
from graph_schema.model.time import Micros
from graph_schema.reading import MomentReading
from graph_schema.store import Page, ProfileEvent, Span

_ALL = Span(10_000)
_ID_BITS = 32


class KnownSegments:
    """Implements `api.platform.Segments` on what was known at one moment; `now` is that moment."""

    def __init__(self, store: MomentReading, now: Callable[[], Micros]) -> None:
        self._store = store
        self._now = now

    async def by_keys(self, keys: Sequence[str]) -> list[SegmentDetail | None]:
        known = await self._store.segments()
        asked = set(keys)
        details = _details([segment for segment in known if segment.key in asked], known)
        found = {detail.segment.key: detail for detail in details}
        return [found.get(key) for key in keys]

    async def at_version(self, key: str, version: int) -> SegmentDetail | None:
        (detail,) = await self.by_keys([key])
        (versions,) = await self._store.segment_versions([key])
        wanted = next((v for v in versions if v.version == version), None)
        if detail is None or wanted is None:
            return None
        segment = Segment(
            **{
                **{name: getattr(detail.segment, name) for name in Segment.__struct_fields__},
                "version": version,
                "rule": wanted.rule,
                "updated_at": wanted.rec,
            }
        )
        return SegmentDetail(segment, detail.progress, detail.uses, detail.used_by)

    async def page(self, status: str | None, span: Span) -> Page[SegmentDetail]:
        known = await self._store.segments()
        (after,) = span.after or ("",)
        found = [s for s in _with_status(known, status) if s.key > after]
        return Page(_details(found[: span.first], known), len(found) > span.first)

    async def count(self, status: str | None) -> int:
        return len(_with_status(await self._store.segments(), status))

    async def versions(self, keys: Sequence[str]) -> list[list[SegmentVersion]]:
        return await self._store.segment_versions(keys)

    async def sizes(self, keys: Sequence[str]) -> list[int]:
        return await self._store.segment_sizes(keys)

    async def members(self, key: str, order: str, span: Span) -> Page[Membership]:
        return await self._store.member_page(key, order, span)

    async def memberships(self, profile_ids: Sequence[str], span: Span) -> list[Page[Membership]]:
        return await self._store.membership_pages(profile_ids, span)

    async def membership_counts(self, profile_ids: Sequence[str]) -> list[int]:
        return await self._store.membership_counts(profile_ids)

    async def traces(self, pairs: Sequence[tuple[str, str]]) -> list[Trace | None]:
        segments = {segment.key: segment for segment in await self._store.segments()}
        return [
            await self._trace(profile, segments[key]) if key in segments else None
            for profile, key in pairs
        ]

    async def _trace(self, profile_id: str, segment: Segment) -> Trace | None:
        rule = parse(segment.rule)
        views = await self.views([profile_id], rule)
        if profile_id not in views:
            return None
        (memberships,) = await self._store.membership_pages([profile_id], _ALL)
        since = next((m.since for m in memberships.items if m.segment == segment.key), None)
        found = trace(rule, views[profile_id], self._now())
        return Trace(
            segment.key,
            since is not None,
            since,
            tuple(
                Condition(c.path, c.condition, c.holds, c.observed, c.until, c.events)
                for c in found
            ),
        )

    async def views(self, ids: Sequence[str], rule: Rule) -> dict[str, StoredView]:
        """Profiles as the rule reads them: in one round for each kind of what it needs."""
        needs = needs_of(rule)
        profiles = [p for p in await self._store.profiles_by_ids(ids) if p is not None]
        found = [profile.id for profile in profiles]
        events = (
            await self._store.profile_events(found, sorted(needs.events), needs.reach(self._now()))
            if needs.events
            else []
        )
        namespaces = (
            await self._store.identifier_pages(found, sorted(needs.namespaces), _ALL)
            if needs.namespaces
            else [Page([], False)] * len(found)
        )
        memberships = (
            await self._store.membership_pages(found, _ALL)
            if needs.segments
            else [Page([], False)] * len(found)
        )
        by_profile: dict[str, list[ProfileEvent]] = {id_: [] for id_ in found}
        for event in events:
            by_profile[event.profile_id].append(event)
        return {
            profile.id: StoredView(
                profile,
                identifiers.items,
                by_profile[profile.id],
                {membership.segment for membership in members.items},
            )
            for profile, identifiers, members in zip(profiles, namespaces, memberships, strict=True)
        }


def _details(wanted: Iterable[Segment], known: Iterable[Segment]) -> list[SegmentDetail]:
    """`known`: all segments that there are."""
    users: dict[str, list[str]] = {}
    for segment in known:
        if segment.status is not SegmentStatus.ARCHIVED:
            for key in uses_of(segment):
                users.setdefault(key, []).append(segment.key)
    return [
        SegmentDetail(
            segment,
            _progress(segment),
            tuple(sorted(uses_of(segment))),
            tuple(users.get(segment.key, ())),
        )
        for segment in wanted
    ]


def _progress(segment: Segment) -> float | None:
    """Profile ids are spread evenly, so the last one walked says how much was walked."""
    if segment.walked is None:
        return None
    return int(segment.walked[2:10] or "0", 16) / (1 << _ID_BITS)


def _with_status(segments: Sequence[Segment], status: str | None) -> list[Segment]:
    wanted = SegmentStatus(status.lower()) if status is not None else None
    return [segment for segment in segments if wanted is None or segment.status is wanted]
