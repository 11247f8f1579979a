"""Small worlds of people and devices whose evidence meets every limit and cut."""

from __future__ import annotations

import random
from collections.abc import Iterator

from graph_schema.model.evidence import (
    Decision,
    DecisionKind,
    EvidenceKind,
    EvidenceStatus,
    Seen,
)
from graph_schema.model.identifier import Key, parse_key
from graph_schema.model.rules import DEFAULT_NAMESPACES, IdentityRules, Namespace
from graph_schema.model.time import HALF_HOUR
from identity.book import EvidenceBook
from identity.local import Sighted
from identity.region import Region

Step = tuple[list[Seen], list[Sighted], list[Decision]]


def tight_rules(rng: random.Random) -> IdentityRules:
    """Limits, cap and burning so low that small worlds meet all of them."""
    limit = rng.choice([1, 2, 3])
    return IdentityRules(
        burned_above=rng.choice([1, 2, 3, 9]),
        size_cap=rng.choice([4, 6, 9]),
        other_limit=limit,
        namespaces=tuple(
            Namespace(n.name, n.rank, n.role, min(n.limit, limit)) for n in DEFAULT_NAMESPACES
        ),
    )


class World:
    """A few people, devices, a house e-mail, a kiosk, and a person who decides."""

    def __init__(self, rng: random.Random, rules: IdentityRules, deciding: float) -> None:
        self.rng, self.rules, self.deciding = rng, rules, deciding
        self.users = [f"user_id:u{i}" for i in range(rng.randint(2, 9))]
        self.mails = [f"email:e{i}" for i in range(rng.randint(1, 4))] + ["phone:p0"]
        self.devices = [f"anonymous_id:a{i}" for i in range(rng.randint(1, 6))] + ["device_id:d0"]
        self.house, self.kiosk = rng.choice(self.mails), rng.choice(self.devices)
        self.days = rng.choice([4, 40, 100])
        self.everything = [*self.users, *self.mails, *self.devices, "crm:x1"]

    def steps(self, book: EvidenceBook, count: int) -> Iterator[Step]:
        for number in range(count):
            at = self.rng.randint(0, self.days) * HALF_HOUR // 2 + self.rng.randint(0, 5)
            if self.rng.random() < self.deciding:
                yield [], [], [self.decision(book, number, at)]
            else:
                yield (*self.event(number, at), [])

    def event(self, number: int, at: int) -> tuple[list[Seen], list[Sighted]]:
        names = sorted(self.names(), key=lambda k: (self.namespace(k).rank, k))
        kind = EvidenceKind.ALIAS if self.rng.random() < 0.1 else EvidenceKind.LOGIN
        if self.rng.random() < 0.06:
            kind = self.rng.choice([EvidenceKind.EQUIVALENT, EvidenceKind.SUGGESTED])
        star = [
            Seen(*sorted((names[0], other)), kind, at // HALF_HOUR, at, f"m{number}")
            for other in names[1:]
        ]
        return star, [Sighted(key, self.namespace(key), at) for key in names]

    def names(self) -> set[Key]:
        pick, chance = self.rng.choice, self.rng.random()
        if chance < 0.2:
            return {pick(self.users), self.house}
        if chance < 0.4:
            return {pick(self.users), pick(self.mails), pick(self.devices)}
        if chance < 0.55:
            return {pick(self.mails), pick(self.devices)}
        if chance < 0.65:
            return {self.kiosk, pick(self.users + self.mails)}
        if chance < 0.85:
            return {pick(self.users), pick(self.devices)}
        if chance < 0.92:
            return {pick(self.everything)}
        return {pick([*self.devices, "crm:x1", "crm:x2"]), pick(self.devices + self.mails)}

    def decision(self, book: EvidenceBook, number: int, at: int) -> Decision:
        """An undo, or a word on two clusters, on the sides of an earlier one, or on anything."""
        rng, earlier = self.rng, book.decisions
        if earlier and rng.random() < 0.3:
            undone = rng.choice(earlier[-4:]).id
            confirmed = DecisionKind.CONFIRMED
            return Decision(f"d{number}", confirmed, (), (), "ann", at, undoes=undone, rec=number)
        left = rng.sample(self.everything, rng.choice([1, 1, 2, 3]))
        rest = [key for key in self.everything if key not in left]
        right = rng.sample(rest, min(len(rest), rng.choice([1, 1, 2, 3])))
        clusters = [sorted(members) for members in book.clusters.values()]
        if len(clusters) > 1 and rng.random() < 0.3:
            left, right = rng.sample(clusters, 2)
        spoken = [decision for decision in earlier if decision.left]
        if spoken and rng.random() < 0.2:
            again = rng.choice(spoken)
            left, right = list(again.left), list(again.right)
        kind = rng.choice([DecisionKind.CONFIRMED, DecisionKind.CANNOT_LINK])
        return Decision(f"d{number}", kind, tuple(left), tuple(right), "ann", at, rec=number)

    def namespace(self, key: Key) -> Namespace:
        return self.rules.namespace(parse_key(key)[0])


def assert_equal(book: EvidenceBook, whole: Region, step: object) -> None:
    assert book.clusters == whole.clusters, step
    nodes = {key: (node.anchor, node.status) for key, node in whole.nodes.items()}
    assert {k: (i.profile, i.status) for k, i in book.identifiers.items()} == nodes, step
    assert book.edges == whole.edges, step


def assert_whole_partition(book: EvidenceBook) -> None:
    """Every identifier is in one cluster, that of the anchor that it names; pending evidence waits."""
    held = [key for members in book.clusters.values() for key in members]
    assert sorted(held) == sorted(book.identifiers)
    for anchor, members in book.clusters.items():
        assert anchor in members
        assert {book.identifiers[key].profile for key in members} == {anchor}
    for edge in book.edges.values():
        if edge.status is EvidenceStatus.PENDING and edge.kind is not EvidenceKind.SUGGESTED:
            assert edge.key[:2] in book.waiting
        else:
            assert edge.status is not EvidenceStatus.JOINED or (
                book.identifiers[edge.a].profile == book.identifiers[edge.b].profile
            )
