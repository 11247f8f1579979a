"""The rules of identity in force, as whoever only reads the graph finds them."""

from __future__ import annotations

from collections.abc import Sequence

from graph_schema.knowledge import EvidenceReading
from graph_schema.model.rules import IdentityRules, RulesVersion
from graph_schema.model.time import Micros


class KnownRules:
    """`first` are the rules that the graph began with. Each answer asks the graph: it is one small
    query, and other processes put rules in force."""

    def __init__(self, store: EvidenceReading, first: IdentityRules) -> None:
        self._store = store
        self.first = first

    async def versions(self) -> Sequence[RulesVersion]:
        """All, oldest first; there is always one."""
        first = RulesVersion(self.first.version, self.first, 0, "", "")
        return [first, *await self._store.rules(self.first.version)]

    async def in_force(self) -> IdentityRules:
        return (await self.versions())[-1].rules

    async def at(self, t: Micros) -> IdentityRules:
        """Those that were in force at a moment of recorded time."""
        return [version.rules for version in await self.versions() if version.rec <= t][-1]
