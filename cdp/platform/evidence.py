"""All stored evidence at once: rehearsing other rules over it, and linting it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cdp.platform.rules import KnownRules
from graph_schema.knowledge import EARLIEST
from graph_schema.model.evidence import Decision
from graph_schema.model.identifier import IdentifierStatus
from graph_schema.model.profile import ProfileIds
from graph_schema.model.rehearsal import Rehearsal
from graph_schema.model.rules import IdentityRules
from graph_schema.store import GraphStore
from identity.batch import EvidenceTable, TableFilling, rehearse, resolve_table
from identity.lint import LintFinding, lint

_CHUNK = 5_000

Report = Callable[[float], None]


class StoredEvidence:
    """Reads the whole graph's evidence into columns (some 100 bytes a fact) and looks at it in a
    thread of its own."""

    def __init__(self, store: GraphStore, rules: IdentityRules, ids: ProfileIds) -> None:
        self._store, self._ids = store, ids
        self._rules = KnownRules(store, rules)

    async def rehearse(
        self, others: IdentityRules, examples: int, report: Report = lambda share: None
    ) -> Rehearsal:
        """What `others` would merge and split."""
        table, decisions = await self._read(report)
        rules = await self._rules.in_force()
        return await asyncio.to_thread(
            rehearse, table, rules, others, decisions, self._ids.of, examples
        )

    async def lint(self, examples: int, report: Report = lambda share: None) -> list[LintFinding]:
        table, decisions = await self._read(report)
        rules = await self._rules.in_force()

        def look() -> list[LintFinding]:
            resolved = resolve_table(table, rules, decisions)
            return lint(resolved, rules, self._ids.of, examples)

        return await asyncio.to_thread(look)

    async def _read(self, report: Report) -> tuple[EvidenceTable, list[Decision]]:
        """What is blocked has no evidence. A fact about an identifier that came while this reads is of
        an event that was not there when it began, and is passed over."""
        filling = TableFilling()
        total = max(1, (await self._store.totals()).identifiers)
        read = 0
        async for identifiers in self._store.walk_identifiers(_CHUNK):
            for identifier in identifiers:
                if identifier.status is not IdentifierStatus.BLOCKED:
                    filling.identifier(identifier.key, identifier.first_at)
            read += len(identifiers)
            report(min(1.0, read / total) / 2)
        async for facts in self._store.walk_seen(_CHUNK):
            for fact in facts:
                if filling.knows(fact):
                    filling.fact(fact)
        report(1.0)
        return filling.table(), await self._store.decisions(EARLIEST)
