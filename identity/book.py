"""All evidence in memory, resolved locally fact by fact: for tests, rehearsals and dry runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress

import msgspec

from graph_schema.model.evidence import Decision, Edge, EdgeKey, Seen
from graph_schema.model.identifier import Identifier, IdentifierStatus, Key, parse_key
from graph_schema.model.rules import IdentityRules, is_canonical
from graph_schema.model.time import Micros
from identity.anew import mark, resolve_anew
from identity.decisions import USER
from identity.local import (
    Absorbing,
    Difference,
    Need,
    Noticed,
    Pair,
    Sighted,
    absorb,
    resolve_waiting,
)
from identity.region import JOINING, Region, TooLarge


class EvidenceBook:
    """Holds what a graph store holds, and answers the resolver as one does: whole clusters with their
    evidence, but without that of burned identifiers. `most`: how much may be resolved at once; what
    takes more is `waiting`."""

    def __init__(self, rules: IdentityRules, most: int | None = None) -> None:
        self.rules = rules
        self.waiting: set[Pair] = set()
        self._most = most
        self.decisions: list[Decision] = []
        self.seen: dict[EdgeKey, dict[int, tuple[Micros, str]]] = {}
        self.identifiers: dict[Key, Identifier] = {}
        self.clusters: dict[Key, set[Key]] = {}
        self.edges: dict[EdgeKey, Edge] = {}
        self._evidence: dict[Key, set[EdgeKey]] = {}

    def region(self) -> Region:
        """An empty one, that knows the decisions."""
        return Region(self.rules, self.decisions, self._most)

    def take(
        self,
        facts: Iterable[Seen],
        sighted: Iterable[Sighted],
        decided: Sequence[Decision] = (),
        region: Region | None = None,
    ) -> Difference:
        """Takes facts, those that bring no news among them, and decisions. With `region`: goes on with
        what an earlier call has loaded."""
        region = region or self.region()
        noticed = [news for fact in facts if (news := self._news(fact)) is not None]
        new = [sight for sight in sighted if self._is_earlier(sight)]
        if not (noticed or new or decided):
            return Difference()
        if decided:
            region.most = None
        self._take_along(region, {end for n in noticed for end in (n.fact.a, n.fact.b)})
        self._load_between_burned(region, noticed)
        self.decisions += decided
        difference = self._run(region, absorb(region, noticed, new, decided))
        mark(region, difference)
        self._keep(region, difference)
        return difference

    def change_rules(self, rules: IdentityRules) -> None:
        """From here on these hold, and everybody is to be resolved anew."""
        self.rules = rules
        for key, known in self.identifiers.items():
            if known.status is IdentifierStatus.BURNED:
                users = self._users_seen(key)
                if users <= rules.burned_above:
                    self.identifiers[key] = msgspec.structs.replace(
                        known, status=IdentifierStatus.ACTIVE
                    )

    def outdated(self) -> list[Key]:
        """Who was resolved by other rules than those that hold."""
        version = self.rules.version
        return [key for key, i in self.identifiers.items() if i.resolved_by != version]

    def resolve_anew(self, keys: Collection[Key], region: Region | None = None) -> Difference:
        """Raises TooLarge where the region has a limit."""
        region = region or Region(self.rules, self.decisions)
        difference = self._run(region, resolve_anew(region, keys))
        self._keep(region, difference)
        return difference

    def resolve_waiting(self, pairs: set[Pair]) -> Difference:
        """Resolves what waits between those pairs, whatever it takes."""
        region = Region(self.rules, self.decisions)
        difference = self._run(region, resolve_waiting(region, pairs))
        self.waiting -= pairs
        self._keep(region, difference)
        return difference

    def facts(self) -> list[Seen]:
        """The earliest sighting in every half-hour."""
        return [
            Seen(*key, half_hour, at, mid)
            for key, halves in self.seen.items()
            for half_hour, (at, mid) in halves.items()
        ]

    def anchor_of(self, key: Key) -> Key | None:
        """The anchor of the cluster that holds an identifier."""
        known = self.identifiers.get(key)
        return known.profile if known is not None else None

    def _take_along(self, region: Region, keys: set[Key]) -> None:
        known = {key for key in keys if key in self.identifiers}
        self._load(region, Need(keys=frozenset(known)))
        old = {key for key in known if region.nodes[key].resolved_by != self.rules.version}
        if old:
            with suppress(TooLarge):
                self.resolve_anew(old, region)

    def _users_seen(self, key: Key) -> int:
        ends = {
            end for edge in self._evidence.get(key, ()) if edge[2] in JOINING for end in edge[:2]
        }
        form = is_canonical(parse_key(key)[0])
        return sum(end != key and (form or parse_key(end)[0] == USER) for end in ends)

    def _news(self, fact: Seen) -> Noticed | None:
        halves = self.seen.setdefault((fact.a, fact.b, fact.kind), {})
        known, moment = halves.get(fact.half_hour), (fact.at, fact.mid)
        if known is not None and known <= moment:
            return None
        halves[fact.half_hour] = moment
        return Noticed(fact, known)

    def _is_earlier(self, sight: Sighted) -> bool:
        known = self.identifiers.get(sight.key)
        return known is None or sight.at < known.first_at

    def _run(self, region: Region, absorbing: Absorbing) -> Difference:
        try:
            need = next(absorbing)
            while True:
                self._load(region, need)
                need = next(absorbing)
        except StopIteration as stop:
            difference: Difference = stop.value
            return difference

    def _load(self, region: Region, need: Need) -> None:
        anchors = {i.profile for key in need.keys if (i := self.identifiers.get(key)) is not None}
        members = {key for anchor in anchors if anchor is not None for key in self.clusters[anchor]}
        crowded = {key for key in members if self._is_crowded(key, region.most)}
        traced = {
            edge
            for key in members - crowded
            if self.identifiers[key].status is not IdentifierStatus.BURNED
            for edge in self._evidence.get(key, ())
        }
        neighbours = {end for edge in traced for end in edge[:2]} - members
        named = {key: self.identifiers[key] for key in members | neighbours}
        region.load(
            [named[key] for key in members],
            [named[key] for key in neighbours],
            {i.profile: i.profile for i in named.values() if i.profile is not None},
            [self.edges[key] for key in traced],
            crowded,
        )
        region.load_half_hours(
            need.edges,
            (
                Seen(*key, half_hour, at, mid)
                for key in need.edges
                for half_hour, (at, mid) in self.seen[key].items()
            ),
        )

    def _is_crowded(self, key: Key, most: int | None) -> bool:
        burned = self.identifiers[key].status is IdentifierStatus.BURNED
        return most is not None and not burned and len(self._evidence.get(key, ())) > most

    def _load_between_burned(self, region: Region, noticed: Iterable[Noticed]) -> None:
        """Evidence between two identifiers that are burned or crowded comes with neither of them."""
        for news in noticed:
            edge = self.edges.get((news.fact.a, news.fact.b, news.fact.kind))
            if edge is not None and edge.key not in region.edges:
                ends = (edge.a, edge.b)
                if all(
                    self.identifiers[end].status is IdentifierStatus.BURNED
                    or self._is_crowded(end, region.most)
                    for end in ends
                ):
                    region.put_edge(edge)

    def _keep(self, region: Region, difference: Difference) -> None:
        self.waiting |= difference.waiting
        for key in difference.nodes:
            node = region.nodes[key]
            _, _, value = parse_key(key)
            self.identifiers[key] = Identifier(
                key=key,
                id=key,
                namespace=node.namespace.name,
                value=value,
                rank=node.namespace.rank,
                first_at=node.first_at,
                last_at=node.first_at,
                profile=node.anchor,
                status=node.status,
                resolved_by=node.resolved_by,
            )
        for anchor in difference.before:
            del self.clusters[anchor]
        for anchor, members in difference.after.items():
            self.clusters[anchor] = set(members)
        for edge_key in difference.edges - difference.gone_edges:
            self.edges[edge_key] = region.edges[edge_key]
            for end in edge_key[:2]:
                self._evidence.setdefault(end, set()).add(edge_key)
        for edge_key in difference.gone_edges:
            if self.edges.pop(edge_key, None) is not None:
                for end in edge_key[:2]:
                    self._evidence[end].discard(edge_key)
