"""Other rules tried over the stored evidence, and the linter over it, as the API asks for them."""

from __future__ import annotations

import asyncio

from api.platform import InputProblem, Refused
from cdp.platform.evidence import StoredEvidence
from graph_schema.model.lint import LintFinding
from graph_schema.model.rehearsal import Rehearsal
from identity.rules_file import RulesRefused, read_rules


class StoredTrials:
    """Implements `api.platform.EvidenceTrials`. One at a time: each reads all evidence into memory."""

    def __init__(self, evidence: StoredEvidence) -> None:
        self._evidence = evidence
        self._alone = asyncio.Lock()

    async def rehearse(self, rules: str, examples: int) -> Rehearsal | Refused:
        try:
            others = read_rules(rules)
        except RulesRefused as refused:
            return Refused(
                tuple(
                    InputProblem(refused.code, mistake.message, ("rules", *mistake.path))
                    for mistake in refused.mistakes
                )
            )
        async with self._alone:
            return await self._evidence.rehearse(others, examples)

    async def lint(self, examples: int) -> list[LintFinding]:
        async with self._alone:
            return await self._evidence.lint(examples)
