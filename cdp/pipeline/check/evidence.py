"""The stored facts of evidence against those that the events say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cdp.pipeline.check.findings import SEEN, Findings
from cdp.pipeline.check.scratch import Scratch
from graph_schema.model.evidence import Seen
from graph_schema.store import GraphStore
from graph_schema.walking import Recorded
from identity import evidence
from identity.normalise import Normaliser

CHUNK = 2_000


class EvidenceWalk:
    """The earliest fact of every half-hour must be the earliest that any event says. A later one is
    there where it came first: an event must say it."""

    def __init__(
        self,
        store: GraphStore,
        normaliser: Normaliser,
        scratch: Scratch,
        named: Callable[[str], str],
        findings: Findings,
    ) -> None:
        self._store = store
        self._normaliser = normaliser
        self._scratch = scratch
        self._named = named
        self._findings = findings

    async def take(self) -> None:
        async for facts in self._store.walk_seen(CHUNK):
            self._findings.walked(SEEN, len(facts))
            later = self._earliest(facts)
            await self._said(later)
        for a, b, mid in self._scratch.rows("unmet_seen"):
            self._findings.broken(SEEN, f"{self._pair(a, b)}: what event {mid} says is missing")

    def _earliest(self, facts: Sequence[Seen]) -> list[Seen]:
        """Answers those that are not the earliest of their half-hour."""
        expected = self._scratch.earliest([(f.a, f.b, f.kind.value, f.half_hour) for f in facts])
        met, later = [], []
        for fact in facts:
            key = (fact.a, fact.b, fact.kind.value, fact.half_hour)
            if expected.get(key) == (fact.at, fact.mid, fact.rec):
                met.append(key)
            else:
                later.append(fact)
        self._scratch.many("meet_seen", met)
        return later

    async def _said(self, facts: Sequence[Seen]) -> None:
        mids = sorted({fact.mid for fact in facts})
        found = dict(zip(mids, await self._store.recorded(mids), strict=True)) if mids else {}
        for fact in facts:
            stored = found[fact.mid]
            if stored is None or fact not in self._star(stored):
                self._findings.broken(
                    SEEN, f"{self._pair(fact.a, fact.b)}: event {fact.mid} does not say it"
                )

    def _star(self, stored: Recorded) -> tuple[Seen, ...]:
        return evidence.star(stored.event, self._normaliser.names(stored.event), stored.rec)

    def _pair(self, a: str, b: str) -> str:
        return f"{self._named(a)} with {self._named(b)}"
