"""The walk: log against graph, and the graph against itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cdp.eventlog.protocol import EventLog
from cdp.pipeline.check import feed
from cdp.pipeline.check.evidence import EvidenceWalk
from cdp.pipeline.check.findings import Findings, Report
from cdp.pipeline.check.identity import IdentityWalk
from cdp.pipeline.check.memberships import MembershipWalk
from cdp.pipeline.check.profiles import ProfileWalk
from cdp.pipeline.check.records import RecordWalk
from cdp.pipeline.check.scratch import Scratch
from cdp.pipeline.check.sessions import SessionWalk
from graph_schema.knowledge import EARLIEST
from graph_schema.model.profile import ProfileIds
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import Micros
from graph_schema.store import GraphStore
from identity.decisions import Decisions
from identity.normalise import Normaliser

Progress = Callable[[float], None]


class Check:
    """`scratch`: where the file of what the events say may lie; it must not be there. Nobody may write
    to the graph meanwhile."""

    def __init__(
        self,
        log: EventLog,
        store: GraphStore,
        rules: IdentityRules,
        ids: ProfileIds,
        now: Callable[[], Micros],
        scratch: Path,
    ) -> None:
        self._log = log
        self._store = store
        self._rules = rules
        self._ids = ids
        self._now = now
        self._scratch = scratch
        self._normaliser = Normaliser(rules)

    async def run(self, progress: Progress = lambda share: None) -> Report:
        """Walks everything. Broken invariants are an answer, no error; raises StoreError where log or
        graph cannot be read."""
        findings = Findings()
        scratch = Scratch(self._scratch)
        try:
            records = await self._records(findings, _part(progress, 0.0, 0.25))
            await self._graph(findings, scratch, progress)
        finally:
            scratch.close()
        letters = await self._log.dead_letter_count()
        return Report(findings.results(), records.records, letters, records.buried, records.erased)

    async def _records(self, findings: Findings, progress: Progress) -> RecordWalk:
        records = RecordWalk(self._log, self._store, self._normaliser, findings)
        for checkpoint in await self._store.checkpoints():
            await records.take(checkpoint, progress)
        if records.stored != (await self._store.totals()).events:
            await records.strangers()
        return records

    async def _graph(self, findings: Findings, scratch: Scratch, progress: Progress) -> None:
        totals = await self._store.totals()
        decisions = Decisions(await self._store.decisions(EARLIEST))
        versions = await self._store.rules(self._rules.version)
        rules = versions[-1].rules if versions else self._rules
        gap = self._rules.session_gap
        sessions = SessionWalk(self._store, self._normaliser, gap, decisions, scratch, findings)
        await sessions.take(totals.events, _part(progress, 0.25, 0.6))
        identity = IdentityWalk(self._store, rules, self._ids, scratch, findings)
        await EvidenceWalk(self._store, self._normaliser, scratch, self._ids.named, findings).take()
        identity.resolve(decisions.recorded)
        progress(0.7)
        await identity.identifiers()
        identity.clusters()
        await identity.edges()
        progress(0.75)
        memberships = MembershipWalk(
            self._store, await self._store.segments(), self._now(), findings
        )
        profiles = ProfileWalk(self._store, scratch, memberships, findings)
        await profiles.take(totals.profiles, _part(progress, 0.75, 0.95))
        await feed.references(self._store, totals.events + totals.sessions, findings)
        await feed.feed(self._store, await self._store.checkpoints(), findings)
        progress(1.0)


def _part(progress: Progress, since: float, until: float) -> Progress:
    return lambda share: progress(since + (until - since) * min(1.0, share))
