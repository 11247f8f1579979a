"""Evidence as it was known at an earlier moment, and what became of it then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graph_schema.knowledge import RecordedAt
from graph_schema.model.change import IdentityChange
from graph_schema.model.evidence import Decision, EdgeKey, Seen
from graph_schema.model.identifier import Identifier, IdentifierStatus, Key
from graph_schema.model.rules import IdentityRules, RulesVersion
from graph_schema.model.time import Micros
from graph_schema.store import Clusters, GraphStore
from identity.decisions import Decisions
from identity.driving import Driver
from identity.past import edges_of, judged
from identity.region import Region


class PastEvidence:
    """As known at `t`. Answers the resolver as a store does, but for what became of the evidence."""

    def __init__(self, store: GraphStore, t: Micros, decisions: Decisions) -> None:
        self._store = store
        self._t = t
        self._decisions = decisions
        self._facts: dict[EdgeKey, list[Seen]] = {}

    async def clusters(self, keys: Sequence[Key], most: int | None = None) -> Clusters:
        """`most` is passed over: nobody is kept waiting by a question about the past."""
        known = await self._store.identifiers_at(keys, self._t)
        profiles = {i.profile for i in known if i is not None and i.profile is not None}
        held = await self._store.members_at(sorted(profiles), self._t)
        members = [identifier for one in held for identifier in one]
        traced = [m.key for m in members if m.status is not IdentifierStatus.BURNED]
        facts = await self._store.seen_at(traced, self._t)
        self._remember(facts)
        outside = {end for fact in facts for end in (fact.a, fact.b)} - {m.key for m in members}
        neighbours = [
            identifier
            for identifier in await self._store.identifiers_at(sorted(outside), self._t)
            if identifier is not None
        ]
        profiles |= {i.profile for i in neighbours if i.profile is not None}
        return Clusters(
            tuple(members), tuple(neighbours), await self._anchors(profiles), tuple(edges_of(facts))
        )

    async def halves(self, edges: Sequence[EdgeKey]) -> list[Seen]:
        missing = {end for edge in edges if edge not in self._facts for end in edge[:2]}
        if missing:
            self._remember(await self._store.seen_at(sorted(missing), self._t))
        return [f for edge in dict.fromkeys(edges) for f in _earliest(self._facts.get(edge, ()))]

    async def decisions(self, after: RecordedAt) -> list[Decision]:
        return [d for d in self._decisions.recorded if (d.rec, d.id) > after]

    async def rules(self, after: int) -> list[RulesVersion]:
        return [one for one in await self._store.rules(after) if one.rec <= self._t]

    async def changes_by_ids(self, ids: Sequence[str]) -> list[IdentityChange | None]:
        found = await self._store.changes_by_ids(ids)
        return [change if change and change.at <= self._t else None for change in found]

    async def _anchors(self, profiles: Iterable[str]) -> dict[str, Key]:
        """A profile's id is the one that its anchor gives."""
        ids = sorted(profiles)
        anchors = await self._store.identifiers_by_ids(ids)
        return {id_: a.key for id_, a in zip(ids, anchors, strict=True) if a is not None}

    def _remember(self, facts: Iterable[Seen]) -> None:
        found: dict[EdgeKey, list[Seen]] = {}
        for fact in facts:
            found.setdefault((fact.a, fact.b, fact.kind), []).append(fact)
        self._facts |= found


async def judged_clusters(
    evidence: PastEvidence, keys: Sequence[Key], rules: IdentityRules, decisions: Decisions
) -> Clusters:
    """The profiles that held the keys, with what became of their evidence."""
    region = Region(rules, decisions)
    known: dict[Key, Identifier] = {}
    driver = Driver(region, evidence, lambda identifier: _learn(known, identifier))
    await driver.run(judged(region, keys))
    held = {key for asked in keys if asked in region.nodes for key in region.cluster_of(asked)}
    traced = (key for key in held if not region.nodes[key].burned)
    edges = {edge: region.edges[edge] for key in traced for edge in region.evidence.get(key, ())}
    outside = {end for edge in edges for end in edge[:2]} - held
    profiles = {i.profile for key in held | outside if (i := known[key]).profile is not None}
    anchors = {
        id_: node.anchor
        for node in region.nodes.values()
        if node.anchor is not None and (id_ := known[node.key].profile) in profiles and id_
    }
    return Clusters(
        tuple(known[key] for key in sorted(held)),
        tuple(known[key] for key in sorted(outside)),
        anchors,
        tuple(edges.values()),
    )


def _learn(known: dict[Key, Identifier], identifier: Identifier) -> None:
    known.setdefault(identifier.key, identifier)


def _earliest(facts: Iterable[Seen]) -> list[Seen]:
    """Of each half-hour."""
    found: dict[int, Seen] = {}
    for fact in facts:
        known = found.get(fact.half_hour)
        if known is None or (fact.at, fact.mid) < (known.at, known.mid):
            found[fact.half_hour] = fact
    return list(found.values())
