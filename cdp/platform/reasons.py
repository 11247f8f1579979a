"""Why identifiers are one person's, or are not, read off the evidence; and the history of profiles."""

from __future__ import annotations

from collections.abc import Sequence

from api.platform import Apart, Name
from graph_schema.model.change import FeedEntry
from graph_schema.model.evidence import Edge, EdgeKey, EvidenceKind, EvidenceStatus, RefusalRule
from graph_schema.model.explanation import EvidenceGraph, LinkPath, Separation
from graph_schema.model.identifier import Identifier, IdentifierStatus, Key
from graph_schema.model.rules import IdentityRules
from graph_schema.reading import MomentReading
from graph_schema.store import Clusters, Page, Span
from identity.decisions import Decisions, change_id
from identity.explain import behind, drawn, kept_apart, why_apart, why_together
from identity.normalise import Normaliser

SAMPLE = 10
"""So many events are shown for one piece of evidence."""
_ROUNDS, _MOST_IDENTIFIERS = 3, 2_000
"""How far the way between two profiles is sought over others."""
_WHOLE = Span(10_000)
_DECIDED = (EvidenceKind.CONFIRMED, EvidenceKind.CANNOT_LINK)

_MESSAGES = {
    RefusalRule.BLOCKED: "One of them is a blocked value: it stands for nobody.",
    RefusalRule.BURNED: "What links them was seen with too many users: it joins nobody.",
    RefusalRule.SHARED: "What links them is used by several people: it joins nobody.",
    RefusalRule.DOMINANCE: "The device that links them belongs to another user.",
    RefusalRule.LIMIT: "Together they would hold more of one kind of identifier than a profile may.",
    RefusalRule.SIZE: "Together they would hold more identifiers than a profile may.",
    RefusalRule.CANNOT_LINK: "A person decided that they are apart.",
}
_UNKNOWN = "One of them was never seen."
_NOTHING = "No evidence links them."
_PENDING = "The evidence between them is still being resolved."


class KnownReasons:
    """Implements `api.platform.Reasons` on what was known at one moment."""

    def __init__(self, store: MomentReading, rules: IdentityRules) -> None:
        self._store = store
        self._rules = rules
        self._normaliser = Normaliser(rules)

    # ── together ───────────────────────────────────────────────────────────────────────────────

    async def graphs(self, anchors: Sequence[Key], limit: int) -> list[EvidenceGraph]:
        found = await self._store.clusters(anchors)
        known = {i.key: i for i in (*found.members, *found.neighbours)}
        decisions = Decisions(await self._store.decisions_naming([i.key for i in found.members]))
        named = {key for apart in decisions.apart for key in (*apart.left, *apart.right)}
        for identifier in await self._store.identifiers_by_keys(sorted(named - known.keys())):
            if identifier is not None:
                known[identifier.key] = identifier
        edges = [*found.edges, *kept_apart(decisions, known)]
        return [self._graph(known, edges, anchor, limit) for anchor in anchors]

    def _graph(
        self, known: dict[Key, Identifier], edges: Sequence[Edge], anchor: Key, limit: int
    ) -> EvidenceGraph:
        if anchor not in known:
            return EvidenceGraph((), (), truncated=False)
        profile = known[anchor].profile
        members = {key: i for key, i in known.items() if i.profile == profile}
        own = [edge for edge in edges if edge.a in members or edge.b in members]
        outside = {end for edge in own for end in (edge.a, edge.b)} - members.keys()
        neighbours = [known[key] for key in outside]
        return drawn(members.values(), neighbours, own, limit, self._rules)

    async def links(self, pairs: Sequence[tuple[str, Name, Name]]) -> list[LinkPath | None]:
        keys = [(id_, self._key(one), self._key(other)) for id_, one, other in pairs]
        found = await self._store.clusters(sorted({one for _, one, _ in keys}))
        held = {identifier.key: identifier.profile for identifier in found.members}
        return [
            why_together(found.edges, one, other, self._rules)
            if one != other and held.get(one) == held.get(other) == id_
            else None
            for id_, one, other in keys
        ]

    # ── apart ──────────────────────────────────────────────────────────────────────────────────

    async def separation(self, one: Name, other: Name) -> Apart | None:
        keys = self._key(one), self._key(other)
        ends = await self._store.identifiers_by_keys(keys)
        if ends[0] is None or ends[1] is None:
            return Apart(Separation(), _UNKNOWN)
        if IdentifierStatus.BLOCKED in (ends[0].status, ends[1].status):
            return _told(Separation(rule=RefusalRule.BLOCKED))
        if ends[0].profile == ends[1].profile:
            return None
        return await self._apart(*keys)

    async def _apart(self, a: Key, b: Key) -> Apart:
        ends = await self._store.clusters([a, b])
        inside = {identifier.key: identifier for identifier in ends.members}
        decisions = Decisions(await self._store.decisions_naming(list(inside)))
        decided = kept_apart(decisions, inside)
        separation = await self._sought(a, b, ends, decided)
        if separation.refused:
            return _told(_with_decisions(separation, decided))
        waiting = any(
            edge.status is EvidenceStatus.PENDING and edge.a in inside and edge.b in inside
            for edge in ends.edges
            if edge.kind is not EvidenceKind.SUGGESTED
        )
        return Apart(separation, _PENDING if waiting else _NOTHING)

    async def _sought(self, a: Key, b: Key, ends: Clusters, decided: Sequence[Edge]) -> Separation:
        """The nearest refusals, sought over the profiles next to the two, and those next to these."""
        edges = {edge.key: edge for edge in (*ends.edges, *decided)}
        known = {identifier.key for identifier in ends.members}
        found = ends
        for further in (*range(_ROUNDS), None):
            separation = why_apart(edges.values(), a, b, self._rules)
            wanted = {i.key for i in found.neighbours if i.profile is not None} - known
            enough = further is None or len(known) > _MOST_IDENTIFIERS
            if separation.refused or not wanted or enough:
                break
            found = await self._store.clusters(sorted(wanted))
            known.update(identifier.key for identifier in found.members)
            edges.update((edge.key, edge) for edge in found.edges)
        return separation

    # ── what stands behind an edge ─────────────────────────────────────────────────────────────

    async def sightings(self, edges: Sequence[EdgeKey]) -> list[list[str]]:
        found = await self._store.newest_seen(edges, SAMPLE)
        return [list(dict.fromkeys(seen.mid for seen in sightings)) for sightings in found]

    async def decided(self, edges: Sequence[Edge]) -> list[str | None]:
        ends = {end for edge in edges if edge.kind in _DECIDED for end in (edge.a, edge.b)}
        decisions = Decisions(await self._store.decisions_naming(sorted(ends)) if ends else ())
        found = [behind(edge, decisions) for edge in edges]
        return [None if decision is None else change_id(decision.id) for decision in found]

    # ── histories ──────────────────────────────────────────────────────────────────────────────

    async def histories(self, profiles: Sequence[str], span: Span) -> list[Page[FeedEntry]]:
        return await self._store.history_pages(await self._lineages(profiles), span)

    async def history_counts(self, profiles: Sequence[str]) -> list[int]:
        return await self._store.history_counts(await self._lineages(profiles), None)

    async def _lineages(self, profiles: Sequence[str]) -> list[list[str]]:
        pages = await self._store.identifier_pages(profiles, None, _WHOLE)
        return [[identifier.id for identifier in page.items] for page in pages]

    def _key(self, name: Name) -> Key:
        return self._normaliser.key(*name)


def _told(separation: Separation) -> Apart:
    return Apart(separation, _MESSAGES[separation.rule] if separation.rule else _NOTHING)


def _with_decisions(separation: Separation, decided: Sequence[Edge]) -> Separation:
    """A decision that keeps the two apart is told beside the evidence that it refuses."""
    more = tuple(edge for edge in decided if edge not in separation.refused)
    return Separation((*separation.refused, *more), separation.rule)
