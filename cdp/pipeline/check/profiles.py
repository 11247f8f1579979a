"""Profiles against their clusters, sessions and segments."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from cdp.pipeline.check.findings import COUNTERS, PROFILES, Findings
from cdp.pipeline.check.memberships import MembershipWalk
from cdp.pipeline.check.scratch import Scratch
from graph_schema.model.profile import Profile
from graph_schema.model.tally import Tally
from graph_schema.store import GraphStore, Span
from identity import fold

CHUNK = 200
AT_ONCE = 2_000
"""Sessions of one profile that are folded from one reading; those of larger ones come in pages."""


class ProfileWalk:
    """Walks all profiles by id."""

    def __init__(
        self,
        store: GraphStore,
        scratch: Scratch,
        memberships: MembershipWalk,
        findings: Findings,
    ) -> None:
        self._store = store
        self._scratch = scratch
        self._memberships = memberships
        self._findings = findings

    async def take(self, total: int, progress: Callable[[float], None]) -> None:
        self._scratch.rows("derive_profiles")
        span, seen = Span(CHUNK), 0
        while True:
            page = await self._store.profile_page("ID", span, segment=None, search=None)
            profiles = page.items
            self._against_clusters(profiles)
            await self._against_sessions(profiles)
            await self._memberships.take(profiles)
            seen += len(profiles)
            progress(seen / max(1, total))
            if not page.has_next:
                break
            span = Span(CHUNK, (profiles[-1].id,))
        for (id_,) in self._scratch.rows("unmet_profiles"):
            self._findings.broken(PROFILES, f"profile {id_} is missing")

    def _against_clusters(self, profiles: Sequence[Profile]) -> None:
        self._findings.walked(PROFILES, len(profiles))
        ids = json.dumps([profile.id for profile in profiles])
        expected = {row[0]: row for row in self._scratch.rows("profiles", ids=ids)}
        for profile in profiles:
            found = (profile.id, profile.anchor, profile.first_at, profile.last_at)
            known = expected.get(profile.id)
            if known is None:
                self._findings.broken(PROFILES, f"profile {profile.id} is of no cluster")
            elif found != known:
                self._findings.broken(
                    PROFILES,
                    f"profile {profile.id} has another anchor or time than its identifiers",
                )
        self._scratch.many("meet_profile", ((profile.id,) for profile in profiles))

    async def _against_sessions(self, profiles: Sequence[Profile]) -> None:
        self._findings.walked(COUNTERS, len(profiles))
        counts = await self._store.session_counts([profile.id for profile in profiles])
        small = [p.id for p, count in zip(profiles, counts, strict=True) if count <= AT_ONCE]
        tallies = {
            id_: fold.of_sessions(sessions)
            for id_, sessions in zip(small, await self._store.session_tallies(small), strict=True)
        }
        for profile in profiles:
            expected = tallies.get(profile.id)
            if expected is None:
                expected = await self._paged(profile.id)
            if profile.tally != expected:
                self._findings.broken(
                    COUNTERS, f"profile {profile.id} adds up to something else than its sessions"
                )

    async def _paged(self, profile: str) -> Tally:
        tally, span = Tally(), Span(AT_ONCE)
        while True:
            (page,) = await self._store.session_pages([profile], span)
            fold.merge(tally, fold.of_sessions(stored.session for stored in page.items))
            if not page.has_next:
                return tally
            last = page.items[-1].session
            span = Span(AT_ONCE, (last.started_at, last.id))
