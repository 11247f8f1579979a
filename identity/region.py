"""The part of the evidence graph that is loaded: nodes, evidence, half-hours and clusters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from graph_schema.model.evidence import Decision, Edge, EdgeKey, EvidenceKind, Seen
from graph_schema.model.identifier import Identifier, IdentifierStatus, Key
from graph_schema.model.rules import IdentityRules, Namespace, Role
from graph_schema.model.time import Micros
from identity.dominance import FREE, Verdict, verdict

STRENGTH = {kind: strength for strength, kind in enumerate(EvidenceKind)}


class Node(msgspec.Struct):
    """An identifier in the region. `anchor` is that of the cluster which holds it now, None while it
    is new. `complete`: its whole cluster and all its evidence are in the region."""

    key: Key
    namespace: Namespace
    first_at: Micros
    anchor: Key | None = None
    complete: bool = False
    burned: bool = False
    verdict: Verdict = FREE

    @property
    def order(self) -> tuple[int, Micros, Key]:
        """Anchor order: (namespace rank, first seen, key)."""
        return self.namespace.rank, self.first_at, self.key

    @property
    def usable(self) -> bool:
        return not (self.burned or self.verdict.shared)

    @property
    def status(self) -> IdentifierStatus:
        if self.burned:
            return IdentifierStatus.BURNED
        return IdentifierStatus.SHARED if self.verdict.shared else IdentifierStatus.ACTIVE


class Region:
    """What is known so far; it grows while a batch is resolved and is never reloaded."""

    def __init__(self, rules: IdentityRules, decisions: Sequence[Decision] = ()) -> None:
        self.rules = rules
        self.decisions = list(decisions)
        self.nodes: dict[Key, Node] = {}
        self.edges: dict[EdgeKey, Edge] = {}
        self.evidence: dict[Key, set[EdgeKey]] = {}
        self.clusters: dict[Key, set[Key]] = {}
        self.half_hours: dict[EdgeKey, dict[int, tuple[Micros, str]]] = {}
        """Of each edge whose half-hours are loaded: the earliest (at, mid) in each."""

    # ── loading ────────────────────────────────────────────────────────────────────────────────

    def load(
        self,
        members: Iterable[Identifier],
        neighbours: Iterable[Identifier],
        anchors: Mapping[str, Key],
        edges: Iterable[Edge],
    ) -> None:
        """Takes in whole clusters with their evidence. What is here already is newer, and stays."""
        for identifier in members:
            known = self.nodes.get(identifier.key)
            if known is None or not known.complete:
                self._put(identifier, anchors, complete=True)
        for identifier in neighbours:
            if identifier.key not in self.nodes:
                self._put(identifier, anchors, complete=False)
        for edge in edges:
            if edge.key not in self.edges:
                self.put_edge(edge)

    def load_half_hours(self, wanted: Iterable[EdgeKey], found: Iterable[Seen]) -> None:
        for key in wanted:
            self.half_hours.setdefault(key, {})
        for seen in found:
            halves = self.half_hours[seen.a, seen.b, seen.kind]
            moment = (seen.at, seen.mid)
            halves[seen.half_hour] = min(halves.get(seen.half_hour, moment), moment)

    def new(self, key: Key, namespace: Namespace, at: Micros) -> Node:
        """An identifier that nobody saw before."""
        node = self.nodes[key] = Node(key, namespace, at, complete=True)
        return node

    def put_edge(self, edge: Edge) -> None:
        self.edges[edge.key] = edge
        self.evidence.setdefault(edge.a, set()).add(edge.key)
        self.evidence.setdefault(edge.b, set()).add(edge.key)

    def _put(self, identifier: Identifier, anchors: Mapping[str, Key], *, complete: bool) -> None:
        anchor = anchors.get(identifier.profile) if identifier.profile is not None else None
        shared = identifier.status is IdentifierStatus.SHARED
        self.nodes[identifier.key] = Node(
            identifier.key,
            self.rules.namespace(identifier.namespace),
            identifier.first_at,
            anchor,
            complete,
            identifier.status is IdentifierStatus.BURNED,
            Verdict(shared=True) if shared else FREE,
        )
        if complete and anchor is not None:
            self.clusters.setdefault(anchor, set()).add(identifier.key)

    # ── what the evidence of one identifier says ───────────────────────────────────────────────

    def evidence_of(self, key: Key) -> Iterable[Edge]:
        return (self.edges[edge] for edge in self.evidence.get(key, ()))

    def people_edges(self, device: Key) -> list[tuple[Edge, Key]]:
        """The sightings of a device with people: (edge, the person's identifier)."""
        found = []
        for edge in self.evidence_of(device):
            if edge.kind in (EvidenceKind.LOGIN, EvidenceKind.ALIAS):
                other = edge.b if edge.a == device else edge.a
                if self.nodes[other].namespace.role is Role.PERSON:
                    found.append((edge, other))
        return found

    def users_seen(self, key: Key) -> int:
        """With how many user_ids it was seen."""
        ends = {edge.b if edge.a == key else edge.a for edge in self.evidence_of(key)}
        return sum(self.nodes[end].namespace.rank == 0 for end in ends)

    def principal(self, person: Key) -> Key:
        """For whom an e-mail or phone counts: the user_id of its own strongest edge."""
        if self.nodes[person].namespace.rank == 0:
            return self._same_user(person)
        users = [
            (edge_order(self, edge), edge.b if edge.a == person else edge.a)
            for edge in self.evidence_of(person)
            if edge.kind in (EvidenceKind.LOGIN, EvidenceKind.ALIAS, EvidenceKind.EQUIVALENT)
        ]
        users = [(order, end) for order, end in users if self.nodes[end].namespace.rank == 0]
        return self._same_user(min(users)[1]) if users else person

    def judge(self, device: Key) -> Verdict:
        """Whose device it is; needs the half-hours of its people edges where they are several."""
        people = [(edge, self.principal(person)) for edge, person in self.people_edges(device)]
        principals = {principal for _, principal in people}
        if len(principals) < 2:
            return Verdict(principals.pop()) if principals else FREE
        return verdict(
            (
                (at, mid, half_hour, principal)
                for edge, principal in people
                for half_hour, (at, mid) in self.half_hours[edge.key].items()
            ),
            self.rules,
        )

    def _same_user(self, user: Key) -> Key:
        """User_ids joined by a decision count as one: the least of them stands for all."""
        joined = {user}
        grown = True
        while grown:
            grown = False
            for decision in self.decisions:
                sides = {*decision.left, *decision.right}
                if decision.kind.value == "confirmed" and sides & joined:
                    users = {
                        k for k in sides if k in self.nodes and self.nodes[k].namespace.rank == 0
                    }
                    grown |= not users <= joined
                    joined |= users
        return min(joined)


def edge_order(region: Region, edge: Edge) -> tuple[int, int, int, Micros, Key, Key]:
    """(kind, ranks, firstAt, keys): the order in which evidence joins."""
    first, second = sorted(
        (region.nodes[edge.a].namespace.rank, region.nodes[edge.b].namespace.rank)
    )
    return STRENGTH[edge.kind], first, second, edge.first_at, edge.a, edge.b
