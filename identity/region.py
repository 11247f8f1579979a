"""The part of the evidence graph that is loaded: nodes, evidence, half-hours and clusters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from graph_schema.model.evidence import (
    Decision,
    Edge,
    EdgeKey,
    EvidenceKind,
    EvidenceStatus,
    RefusalRule,
    Seen,
)
from graph_schema.model.identifier import Identifier, IdentifierStatus, Key
from graph_schema.model.rules import IdentityRules, Namespace, Role
from graph_schema.model.time import Micros
from identity.decisions import USER, Decisions
from identity.dominance import verdict

STRENGTH = {kind: strength for strength, kind in enumerate(EvidenceKind)}
JOINING = frozenset({EvidenceKind.LOGIN, EvidenceKind.ALIAS, EvidenceKind.EQUIVALENT})
SEEN_TOGETHER = frozenset({EvidenceKind.LOGIN, EvidenceKind.ALIAS})
CUTS = frozenset({
    RefusalRule.BLOCKED, RefusalRule.BURNED, RefusalRule.SHARED, RefusalRule.DOMINANCE,
})  # fmt: skip

Order: TypeAlias = tuple[int, int, int, Micros, Key, Key]

MOST = 5_000
"""So many identifiers are resolved at once while events wait, and so much evidence of one is read for
it; what takes more is left to the background (identity.md, "Locally")."""


class TooLarge(Exception):
    """Resolving takes more of the graph than may be read at once."""


class Node(msgspec.Struct):
    """An identifier in the region.

    `anchor` is that of the cluster which holds it now, None while it is new. `complete`: its whole
    cluster and all its evidence are in the region; `crowded`: its cluster, but of its evidence, of which
    there is too much, only what others brought along. Of a device that was judged: `admits` are the
    principals whose evidence is not cut, None where all of it counts. `resolved_by`: the version of the
    rules by which it was resolved.
    """

    key: Key
    namespace: Namespace
    first_at: Micros
    anchor: Key | None = None
    complete: bool = False
    crowded: bool = False
    burned: bool = False
    shared: bool = False
    admits: frozenset[Key] | None = None
    resolved_by: int = 1

    @property
    def order(self) -> tuple[int, Micros, Key]:
        """Anchor order: (namespace rank, first seen, key)."""
        return self.namespace.rank, self.first_at, self.key

    @property
    def person(self) -> bool:
        return self.namespace.role is Role.PERSON

    @property
    def user(self) -> bool:
        return self.namespace.name == USER

    @property
    def device(self) -> bool:
        return self.namespace.role is Role.DEVICE

    @property
    def usable(self) -> bool:
        return not (self.burned or self.shared)

    @property
    def status(self) -> IdentifierStatus:
        if self.burned:
            return IdentifierStatus.BURNED
        return IdentifierStatus.SHARED if self.shared else IdentifierStatus.ACTIVE


class Region:
    """What is known so far; it grows while a batch is resolved and is never reloaded. `most`: how much
    may be read and resolved for one fact or decision; None: whatever it takes."""

    def __init__(
        self,
        rules: IdentityRules,
        decisions: Decisions | Sequence[Decision] = (),
        most: int | None = None,
    ) -> None:
        self.rules = rules
        self.most = most
        self._read = 0
        self.decisions = decisions if isinstance(decisions, Decisions) else Decisions(decisions)
        self.nodes: dict[Key, Node] = {}
        self.edges: dict[EdgeKey, Edge] = {}
        self.evidence: dict[Key, set[EdgeKey]] = {}
        self.clusters: dict[Key, set[Key]] = {}
        self.half_hours: dict[EdgeKey, dict[int, tuple[Micros, str]]] = {}
        """Of each edge whose half-hours are loaded: the earliest (at, mid) in each."""
        self.asked: set[Key] = set()
        """Whose clusters were asked for since `begin`."""
        self.outdated = False
        """Some that were loaded had been resolved by other rules."""
        self.unknown: set[Key] = set()
        """Known not to be in the graph: nothing is asked about them. Whoever has read that already may
        say so here."""

    # ── loading ────────────────────────────────────────────────────────────────────────────────

    def load(
        self,
        members: Iterable[Identifier],
        neighbours: Iterable[Identifier],
        anchors: Mapping[str, Key],
        edges: Iterable[Edge],
        crowded: Collection[Key] = (),
    ) -> None:
        """Takes in whole clusters with their evidence, but for that of the crowded ones. What is here
        already is newer, and stays."""
        for identifier in members:
            known = self.nodes.get(identifier.key)
            if known is None or not (known.complete or known.crowded):
                node = self._put(identifier, anchors)
                node.crowded = identifier.key in crowded
                node.complete = not node.crowded
                self._read += 1
                if node.anchor is not None:
                    self.clusters.setdefault(node.anchor, set()).add(node.key)
        for identifier in neighbours:
            if identifier.key not in self.nodes:
                self._put(identifier, anchors)
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
        node = self.nodes[key] = Node(
            key, namespace, at, complete=True, resolved_by=self.rules.version
        )
        self.unknown.discard(key)
        return node

    def put_edge(self, edge: Edge) -> None:
        key = edge.key
        if key not in self.edges:
            self.evidence.setdefault(edge.a, set()).add(key)
            self.evidence.setdefault(edge.b, set()).add(key)
        self.edges[key] = edge

    def drop_edge(self, key: EdgeKey) -> None:
        del self.edges[key]
        self.evidence[key[0]].discard(key)
        self.evidence[key[1]].discard(key)

    def _put(self, identifier: Identifier, anchors: Mapping[str, Key]) -> Node:
        anchor = anchors.get(identifier.profile) if identifier.profile is not None else None
        node = self.nodes[identifier.key] = Node(
            identifier.key,
            self.rules.namespace(identifier.namespace),
            identifier.first_at,
            anchor,
            burned=identifier.status is IdentifierStatus.BURNED,
            shared=identifier.status is IdentifierStatus.SHARED,
            resolved_by=identifier.resolved_by,
        )
        self.outdated |= node.resolved_by != self.rules.version
        return node

    # ── how much may be read ───────────────────────────────────────────────────────────────────

    def begin(self) -> None:
        """From here on counts what one fact or decision takes."""
        self._read = 0
        self.asked.clear()

    def allow(self, count: int = 0, whole: Iterable[Key] = ()) -> None:
        """Raises TooLarge where so many, or those that were read so far, are too many, or where the
        evidence of one of `whole` was too much to be read."""
        if self.most is None:
            return
        if max(count, self._read) > self.most:
            raise TooLarge
        if any((node := self.nodes.get(key)) is not None and node.crowded for key in whole):
            raise TooLarge

    # ── what the evidence of one identifier says ───────────────────────────────────────────────

    def cluster_of(self, key: Key) -> set[Key]:
        anchor = self.nodes[key].anchor
        return self.clusters[anchor] if anchor is not None else {key}

    def ends(self, key: Key) -> Iterator[tuple[Edge, Node]]:
        """The evidence of an identifier, each with the identifier at its other end."""
        for edge_key in self.evidence.get(key, ()):
            edge = self.edges[edge_key]
            yield edge, self.nodes[edge.b if edge.a == key else edge.a]

    def between(self, a: Key, b: Key) -> set[EdgeKey]:
        """The evidence between two identifiers."""
        return self.evidence.get(a, set()) & self.evidence.get(b, set())

    def people_of(self, device: Key) -> list[tuple[Edge, Node]]:
        """The sightings of a device with people. Burned values are nobody."""
        return [
            (edge, person)
            for edge, person in self.ends(device)
            if edge.kind in SEEN_TOGETHER and person.person and not person.burned
        ]

    def users_seen(self, key: Key) -> int:
        """With how many user_ids it was seen; of a canonical form, how many spellings it has."""
        form = self.nodes[key].namespace.is_canonical
        return len({
            end.key for edge, end in self.ends(key) if edge.kind in JOINING and (end.user or form)
        })  # fmt: skip

    def principal(self, person: Key) -> Key:
        """For whom an e-mail or phone counts: the user_id of its own strongest edge."""
        node = self.nodes[person]
        if node.user:
            return self.decisions.same_user(person)
        users = [
            (edge_order(self, edge), end.key)
            for edge, end in self.ends(person)
            if end.user and edge.kind in JOINING
        ]
        users += self._confirmed_users(node)
        return self.decisions.same_user(min(users)[1]) if users else person

    def judge(self, device: Key) -> tuple[bool, frozenset[Key] | None]:
        """Whether a device is shared, and whose evidence it admits. Needs its people's own evidence,
        and the half-hours of its sightings with them where they count for several."""
        people = [(edge, self.principal(person.key)) for edge, person in self.people_of(device)]
        principals = {principal for _, principal in people}
        claims = self.decisions.claims(device)
        claimants = {
            self.principal(key)
            for side in claims
            for key in side
            if (node := self.nodes.get(key)) is not None and node.person and not node.burned
        }
        if claimants:
            return False, frozenset(claimants)
        if len(principals) < 2:
            return False, frozenset(principals) or None
        found = verdict(
            (
                (at, mid, half_hour, principal)
                for edge, principal in people
                for half_hour, (at, mid) in self.half_hours[edge.key].items()
            ),
            self.rules,
        )
        admits = frozenset[Key]() if found.principal is None else frozenset({found.principal})
        return found.shared and not claims, admits

    def _confirmed_users(self, person: Node) -> Iterator[tuple[Order, Key]]:
        """What decisions say: an edge to a user_id, where it is the first uncut of its side."""
        for decision in self.decisions.naming(person.key):
            for side, other in (
                (decision.left, decision.right), (decision.right, decision.left)
            ):  # fmt: skip
                users = self._known(other, users=True)
                if person.key in side and users and self._known(side)[:1] == [person]:
                    a, b = sorted((person.key, users[0].key))
                    ranks = sorted((person.namespace.rank, users[0].namespace.rank))
                    yield (0, ranks[0], ranks[1], decision.at, a, b), users[0].key

    def _known(self, keys: Iterable[Key], *, users: bool = False) -> list[Node]:
        nodes = [node for key in keys if (node := self.nodes.get(key)) is not None]
        kept = [n for n in nodes if n.person and not n.burned and (n.user or not users)]
        return sorted(kept, key=lambda node: node.order)


def edge_order(region: Region, edge: Edge) -> Order:
    """(kind, ranks, firstAt, keys): the order in which evidence joins."""
    one, two = region.nodes[edge.a].namespace.rank, region.nodes[edge.b].namespace.rank
    if one > two:
        one, two = two, one
    return STRENGTH[edge.kind], one, two, edge.first_at, edge.a, edge.b


def kept_cut(edge: Edge) -> RefusalRule | None:
    """The cut that its status names."""
    if edge.status is EvidenceStatus.REFUSED and edge.refused_by in CUTS:
        return edge.refused_by
    return None
