"""Segments as the API asks for them, and the commands that change them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from api.platform import (
    CommandResult,
    Condition,
    Done,
    InputProblem,
    Preview,
    Refused,
    SegmentDetail,
    Trace,
    Waiting,
)
from cdp.platform.commanding import Commanding
from cdp.segments import preview as previews
from cdp.segments.errors import BadRule
from cdp.segments.explain import trace
from cdp.segments.index import check_uses, needs_of, users_of
from cdp.segments.parse import key_problem, parse, to_json
from cdp.segments.views import StoredView
from graph_schema.model.command import ArchiveSegment, Command, CreateSegment, UpdateSegment
from graph_schema.model.rule import Rule
from graph_schema.model.segment import Membership, Segment, SegmentStatus, SegmentVersion
from graph_schema.model.time import now
from graph_schema.store import GraphReading, Page, Span

CHUNK = 200
_UNBOUNDED = 100
_ID_BITS = 32


class StoredSegments:
    """Implements `api.platform.Segments` on a graph store and the commands of the log."""

    def __init__(self, store: GraphReading, commands: Commanding) -> None:
        self._store = store
        self._commands = commands

    # ── reading ────────────────────────────────────────────────────────────────────────────────

    async def by_keys(self, keys: Sequence[str]) -> list[SegmentDetail | None]:
        known = await self._store.segments()
        found = {segment.key: _detail(segment, known) for segment in known}
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
        details = [_detail(segment, known) for segment in found[: span.first]]
        return Page(details, len(found) > span.first)

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

    # ── why, and what if ───────────────────────────────────────────────────────────────────────

    async def traces(self, pairs: Sequence[tuple[str, str]]) -> list[Trace | None]:
        segments = {segment.key: segment for segment in await self._store.segments()}
        return [
            await self._trace(profile, segments[key]) if key in segments else None
            for profile, key in pairs
        ]

    async def _trace(self, profile_id: str, segment: Segment) -> Trace | None:
        rule = parse(segment.rule)
        views = await self._views([profile_id], rule)
        if profile_id not in views:
            return None
        (memberships,) = await self._store.membership_pages([profile_id], Span(_UNBOUNDED))
        since = next((m.since for m in memberships.items if m.segment == segment.key), None)
        found = trace(rule, views[profile_id], now())
        return Trace(
            segment.key,
            since is not None,
            since,
            tuple(
                Condition(c.path, c.condition, c.holds, c.observed, c.until, c.events)
                for c in found
            ),
        )

    async def preview(self, rule: Any, sample: int) -> Preview | Refused:
        try:
            tree = parse(rule)
            check_uses("", tree, await self._store.segments())
        except BadRule as error:
            return _refused(error)
        preview = previews.Preview(tree, now(), sample)
        after: tuple[str, ...] | None = None
        while True:
            page = await self._store.profile_page(
                "ID", Span(CHUNK, after), segment=None, search=None
            )
            ids = [profile.id for profile in page.items]
            views = await self._views(ids, tree)
            for id_ in ids:
                if id_ in views:
                    preview.take(id_, views[id_])
            if not page.has_next:
                break
            after = (ids[-1],)
        conditions = tuple(preview.by_condition)
        return Preview(preview.count, True, tuple(preview.sample), conditions)

    async def _views(self, ids: Sequence[str], rule: Rule) -> dict[str, StoredView]:
        """Profiles as the rule reads them: in one round for each kind of what it needs."""
        needs = needs_of(rule)
        profiles = [p for p in await self._store.profiles_by_ids(ids) if p is not None]
        found = [profile.id for profile in profiles]
        events = (
            await self._store.profile_events(found, sorted(needs.events), needs.reach(now()))
            if needs.events
            else []
        )
        namespaces = (
            await self._store.identifier_pages(found, sorted(needs.namespaces), Span(10_000))
            if needs.namespaces
            else [Page([], False)] * len(found)
        )
        memberships = (
            await self._store.membership_pages(found, Span(10_000))
            if needs.segments
            else [Page([], False)] * len(found)
        )
        return {
            profile.id: StoredView(
                profile,
                identifiers.items,
                [event for event in events if event.profile_id == profile.id],
                {membership.segment for membership in members.items},
            )
            for profile, identifiers, members in zip(profiles, namespaces, memberships, strict=True)
        }

    # ── changing ───────────────────────────────────────────────────────────────────────────────

    async def create(
        self, *, actor: str, key: str, name: str, description: str | None, rule: Any
    ) -> CommandResult:
        rule = _canonical(rule)
        wrong_key = key_problem(key)
        if wrong_key is not None:
            in_rule = rule.problems if isinstance(rule, Refused) else ()
            first = InputProblem(wrong_key.code, wrong_key.message, wrong_key.path)
            return Refused((first, *in_rule))
        if isinstance(rule, Refused):
            return rule
        command = CreateSegment(
            id=_new_id(),
            actor=actor,
            at=now(),
            key=key,
            name=name,
            rule=rule,
            description=description,
        )
        return await self._ask(command, key)

    async def update(
        self,
        *,
        actor: str,
        key: str,
        expected_version: int | None,
        name: str | None,
        description: str | None,
        rule: Any | None,
    ) -> CommandResult:
        rule = _canonical(rule) if rule is not None else None
        if isinstance(rule, Refused):
            return rule
        command = UpdateSegment(
            id=_new_id(), actor=actor, at=now(), key=key, expected_version=expected_version,
            name=name, description=description, rule=rule,
        )  # fmt: skip
        return await self._ask(command, key)

    async def archive(self, *, actor: str, key: str) -> CommandResult:
        return await self._ask(ArchiveSegment(id=_new_id(), actor=actor, at=now(), key=key), key)

    async def _ask(self, command: Command, key: str) -> CommandResult:
        outcome = await self._commands.ask(command)
        if outcome is None:
            return Waiting(command.id)
        if outcome.problem:
            return Refused((InputProblem(outcome.problem, outcome.message, outcome.path),))
        return Done(key)


def _canonical(rule: Any) -> dict[str, Any] | Refused:
    """The rule as it is recorded; every mistake is told before anything is."""
    try:
        return to_json(parse(rule))
    except BadRule as error:
        return _refused(error)


def _refused(error: BadRule) -> Refused:
    return Refused(
        tuple(
            InputProblem(error.code, problem.message, ("rule", *problem.path))
            for problem in error.problems
        )
    )


def _detail(segment: Segment, known: Sequence[Segment]) -> SegmentDetail:
    return SegmentDetail(
        segment,
        _progress(segment),
        tuple(sorted(needs_of(parse(segment.rule)).segments)),
        tuple(users_of(segment.key, known)),
    )


def _progress(segment: Segment) -> float | None:
    """Profile ids are spread evenly, so the last one walked says how much was walked."""
    if segment.walked is None:
        return None
    return int(segment.walked[2:10] or "0", 16) / (1 << _ID_BITS)


def _with_status(segments: Sequence[Segment], status: str | None) -> list[Segment]:
    wanted = SegmentStatus(status.lower()) if status is not None else None
    return [segment for segment in segments if wanted is None or segment.status is wanted]


def _new_id() -> str:
    return f"m_{uuid.uuid4().hex}"
