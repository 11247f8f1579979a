"""The local re-resolve gives what resolving everything gives, after every step of random histories."""

from __future__ import annotations

import random

import pytest

from graph_schema.model.evidence import EdgeKey, EvidenceKind, Seen
from graph_schema.model.identifier import Identifier, Key, parse_key
from graph_schema.model.rules import DEFAULT_NAMESPACES, IdentityRules
from graph_schema.model.time import HALF_HOUR
from identity.local import Difference, Noticed, Sighted, absorb
from identity.region import Region
from identity.whole import resolve_all

RULES = IdentityRules(burned_above=4, size_cap=7, namespaces=tuple(
    type(n)(n.name, n.rank, n.role, min(n.limit, 3), n.scoped, n.pii) for n in DEFAULT_NAMESPACES
))  # fmt: skip


class Book:
    """A store for the local resolver: everything it was told, loaded on request, never more."""

    def __init__(self) -> None:
        self.facts: list[Seen] = []
        self.sighted: list[Sighted] = []
        self.identifiers: dict[Key, Identifier] = {}
        self.anchors: dict[Key, Key] = {}
        self.edges: dict[EdgeKey, object] = {}

    def take(self, star: list[Seen], sighted: list[Sighted], keep: Region | None) -> Region:
        region = keep or Region(RULES)
        noticed = []
        for fact in star:
            known = min(
                ((f.at, f.mid) for f in self.facts
                 if (f.a, f.b, f.kind, f.half_hour) == (fact.a, fact.b, fact.kind, fact.half_hour)),
                default=None,
            )  # fmt: skip
            if known is None or (fact.at, fact.mid) < known:
                noticed.append(Noticed(fact, known))
        new = [
            s
            for s in sighted
            if s.key not in self.identifiers or s.at < self.identifiers[s.key].first_at
        ]
        self.facts += star
        self.sighted += sighted
        if noticed or new:
            self._keep(region, self._run(region, noticed, new))
        return region

    def _run(self, region: Region, noticed: list[Noticed], new: list[Sighted]) -> Difference:
        absorbing = absorb(region, noticed, new)
        try:
            need = next(absorbing)
            while True:
                self._load(region, need.keys)
                region.load_half_hours(
                    need.edges, [f for f in self.facts if (f.a, f.b, f.kind) in need.edges]
                )
                need = next(absorbing)
        except StopIteration as stop:
            difference: Difference = stop.value
            return difference

    def _load(self, region: Region, keys: frozenset[Key]) -> None:
        anchors = {self.anchors[key] for key in keys if key in self.anchors}
        members = [i for i in self.identifiers.values() if self.anchors[i.key] in anchors]
        traced = {m.key for m in members if m.status.value != "burned"}
        edges = [e for e in self.edges.values() if e.a in traced or e.b in traced]
        ends = {end for e in edges for end in (e.a, e.b)} - {m.key for m in members}
        region.load(
            members,
            [self.identifiers[end] for end in ends],
            {a: a for a in self.anchors.values()},
            edges,
        )

    def _keep(self, region: Region, difference: Difference) -> None:
        for key in difference.nodes:
            node = region.nodes[key]
            namespace, _, value = parse_key(key)
            self.anchors[key] = node.anchor
            self.identifiers[key] = Identifier(
                key,
                key,
                namespace,
                value,
                node.namespace.rank,
                node.first_at,
                0,
                node.anchor,
                node.status,
            )
        for key in difference.edges:
            self.edges[key] = region.edges[key]


def history(rng: random.Random, steps: int):
    """Logins on own devices, tablets and kiosks, house e-mails, late facts."""
    users = [f"user_id:u{i}" for i in range(rng.randint(2, 8))]
    people = [*users, *(f"email:e{i}" for i in range(4)), "phone:p0"]
    devices = [f"anonymous_id:a{i}" for i in range(rng.randint(2, 6))] + ["device_id:d0"]
    for step in range(steps):
        at = rng.randint(0, 40) * HALF_HOUR // 2 + rng.randint(0, 5)
        names = {rng.choice(devices)} if rng.random() < 0.9 else set()
        if rng.random() < 0.8:
            names.add(rng.choice(people))
        if rng.random() < 0.25:
            names.add(rng.choice(people + devices))
        if not names:
            continue
        sighted = [Sighted(k, RULES.namespace(parse_key(k)[0]), at) for k in names]
        order = sorted(names, key=lambda k: (RULES.namespace(parse_key(k)[0]).rank, k))
        kind = EvidenceKind.ALIAS if rng.random() < 0.1 else EvidenceKind.LOGIN
        star = [
            Seen(min(order[0], k), max(order[0], k), kind, at // HALF_HOUR, at, f"m{step}")
            for k in order[1:]
        ]
        yield star, sighted


def assert_equal(book: Book, whole: Region, step: object) -> None:
    assert book.anchors == {k: n.anchor for k, n in whole.nodes.items()}, step
    assert book.edges == whole.edges, step
    statuses = {k: i.status for k, i in book.identifiers.items()}
    assert statuses == {k: n.status for k, n in whole.nodes.items()}, step


@pytest.mark.parametrize("seed", range(40))
def test_local_equals_whole(seed: int) -> None:
    """500 steps for each seed: 20,000 in all."""
    rng = random.Random(seed)
    taken = 0
    while taken < 500:
        book, keep = Book(), None
        carry = rng.random() < 0.5  # the region of one batch, or a fresh one for each step
        for star, sighted in history(rng, rng.randint(5, 40)):
            region = book.take(star, sighted, keep)
            keep = region if carry else None
            whole = resolve_all(book.facts, book.sighted, RULES)
            assert_equal(book, whole, (seed, taken, star))
            taken += 1
