"""The cuts (identity.md, "The rule", 1) of all identifiers at once, each from its own evidence."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np

from graph_schema.model.evidence import EvidenceKind, RefusalRule
from graph_schema.model.identifier import Key
from graph_schema.model.rules import IdentityRules, Namespace, Role
from identity.batch.edges import Edges
from identity.batch.table import EvidenceTable, Flags, Ints
from identity.decisions import USER, Decisions
from identity.dominance import Pair, verdict
from identity.region import JOINING, SEEN_TOGETHER, STRENGTH, Node, Region

UNCUT: Final = -1
RULES: Final = tuple(RefusalRule)
_EVERYBODY, _NOBODY, _SEVERAL = -1, -2, -3


class Identifiers(msgspec.Struct):
    """What the rules and the evidence say of each identifier: all (n,).

    `principal`: for whom a person counts. `admits`: the one principal whose evidence a device admits,
    or `_EVERYBODY`, `_NOBODY`, or `_SEVERAL`: those in `several`.
    """

    namespaces: list[Namespace]
    rank: Ints
    person: Flags
    user: Flags
    device: Flags
    burned: Flags
    shared: Flags
    principal: Ints
    admits: Ints
    several: dict[int, frozenset[int]] = {}


class Judging:
    """A table of evidence, judged under rules and decisions."""

    def __init__(
        self, table: EvidenceTable, edges: Edges, rules: IdentityRules, decisions: Decisions
    ) -> None:
        self._table, self._edges = table, edges
        self._rules, self._decisions = rules, decisions
        self.decided = _codes(table, decisions)
        """The identifiers that decisions in force name, with their codes."""
        self.identifiers = who = _classified(table, rules)
        self.order = _order(edges, who.rank)
        """The places of the edges in the order in which evidence joins."""
        who.burned = ~who.user & (self._users_seen() > rules.burned_above)
        self._find_principals()
        self._judge_devices()

    def cuts(self) -> Ints:
        """(e,): the place in `RULES` of the cut that takes an edge out, or `UNCUT`."""
        who, a, b = self.identifiers, self._edges.a, self._edges.b
        found = np.full(len(a), UNCUT)
        for one, two in ((a, b), (b, a)):
            found[self._not_admitted(one, two)] = RULES.index(RefusalRule.DOMINANCE)
        found[who.shared[a] | who.shared[b]] = RULES.index(RefusalRule.SHARED)
        for end in (b, a):  # where both are burned, the first end names the rule
            found[who.burned[end]] = RULES.index(RefusalRule.BURNED)
            found[who.burned[end] & who.device[end]] = RULES.index(RefusalRule.SHARED)
        return found

    def region(self, codes: Iterable[int], edges: Iterable[int]) -> Region:
        """Those identifiers as they were judged, with these edges."""
        region = Region(self._rules)
        region.decisions = self._decisions
        for code in codes:
            self._put_node(region, code)
        for edge in edges:
            region.put_edge(self._edges.one(self._table, edge))
        return region

    # ── burned, and whom a person counts for ───────────────────────────────────────────────────

    def _users_seen(self) -> Ints:
        """(n,): with how many user_ids each was seen, or of a canonical form, how many spellings it
        has; where that is no more than `burned_above`, no less than that."""
        size = len(self._table.keys)
        one, two, _ = self._either_way(_among(self._edges.kind, JOINING))
        counts = self.identifiers.user[two] | self._table.canonical[one]
        one, two = one[counts], two[counts]
        found = np.bincount(one, minlength=size)
        many = found[one] > self._rules.burned_above
        # A pair has an edge for each kind of its evidence.
        met = np.unique(one[many] * size + two[many])
        exact = np.bincount(met // max(size, 1), minlength=size)
        return np.where(found > self._rules.burned_above, exact, found)

    def _find_principals(self) -> None:
        """An e-mail or phone counts for the user_id of its own strongest edge; user_ids that a
        decision joined count as one."""
        who = self.identifiers
        one, two, edge = self._either_way(_among(self._edges.kind, JOINING))
        counts = np.flatnonzero(who.person[one] & ~who.user[one] & who.user[two])
        place = np.empty(len(self.order), np.int64)
        place[self.order] = np.arange(len(self.order))
        weakest_first = counts[np.argsort(-place[edge[counts]])]
        who.principal[one[weakest_first]] = two[weakest_first]  # the last one written stands
        one_of = self._as_one()
        same = np.arange(len(self._table.keys))
        for key, code in self.decided.items():
            if who.user[code]:
                same[code] = one_of[self._decisions.same_user(key)]
        who.principal = same[who.principal]
        named = [code for code in self.decided.values() if who.person[code] and not who.user[code]]
        region = self._around(named)
        for code in named:
            principal = region.principal(self._table.keys[code])
            who.principal[code] = one_of.get(principal, who.principal[code])

    def _as_one(self) -> dict[Key, int]:
        """Whoever stands for the user_ids that a decision joined (it need not be in the table), to the
        code that stands for it here."""
        users = [key for key, code in self.decided.items() if self.identifiers.user[code]]
        return {self._decisions.same_user(key): self.decided[key] for key in sorted(users)[::-1]}

    # ── whose device it is ─────────────────────────────────────────────────────────────────────

    def _judge_devices(self) -> None:
        who = self.identifiers
        device, person, edge = self._either_way(_among(self._edges.kind, SEEN_TOGETHER))
        kept = (who.device & ~who.burned)[device] & (who.person & ~who.burned)[person]
        device, person, edge = device[kept], person[kept], edge[kept]
        who.admits[device] = who.principal[person]
        several = np.unique(device[who.admits[device] != who.principal[person]])
        for code, sightings in self._sightings(several, device, person, edge):
            found = verdict(sightings, self._rules)
            who.shared[code] = found.shared
            who.admits[code] = _NOBODY if found.principal is None else self._place(found.principal)
        self._obey_claims()

    def _sightings(
        self, devices: Ints, device: Ints, person: Ints, edge: Ints
    ) -> Iterator[tuple[int, list[Pair]]]:
        """Of each of those devices its sightings with people, as dominance counts them."""
        table, who = self._table, self.identifiers
        wanted = np.isin(device, devices)
        on_device = np.full(len(self._edges.a), -1)
        on_device[edge[wanted]] = device[wanted]
        principal = np.full(len(self._edges.a), -1)
        principal[edge[wanted]] = who.principal[person[wanted]]
        of_fact = self._edges.of_fact
        facts = np.flatnonzero(on_device[of_fact] >= 0)
        facts = facts[np.argsort(on_device[of_fact[facts]], kind="stable")]
        rows = [
            (at, table.mids[fact], half_hour, table.keys[whom])
            for fact, at, half_hour, whom in zip(
                facts.tolist(),
                table.at[facts].tolist(),
                table.half_hour[facts].tolist(),
                principal[of_fact[facts]].tolist(),
                strict=True,
            )
        ]
        owners, starts = np.unique(on_device[of_fact[facts]], return_index=True)
        for owner, (start, end) in zip(
            owners.tolist(), pairwise([*starts.tolist(), len(rows)]), strict=True
        ):
            yield owner, rows[start:end]

    def _obey_claims(self) -> None:
        """A decision that names a single device lifts its cut for those whom it names."""
        who = self.identifiers
        for key, code in self.decided.items():
            claims = self._decisions.claims(key) if who.device[code] else []
            if not claims or who.burned[code]:
                continue
            who.shared[code] = False
            named = [c for side in claims for k in side if (c := self.decided.get(k)) is not None]
            claimants = {
                int(who.principal[c]) for c in named if who.person[c] and not who.burned[c]
            }
            if claimants:
                who.admits[code] = _SEVERAL
                who.several[code] = frozenset(claimants)

    # ── underneath ─────────────────────────────────────────────────────────────────────────────

    def _not_admitted(self, one: Ints, two: Ints) -> Flags:
        """The edges between a device `one` and a person `two` whose evidence it does not admit."""
        who = self.identifiers
        admits, principal = who.admits[one], who.principal[two]
        found: Flags = (admits != _EVERYBODY) & who.person[two] & (admits != principal)
        for edge in np.flatnonzero(found & (admits == _SEVERAL)).tolist():
            found[edge] = int(principal[edge]) not in who.several[int(one[edge])]
        return found

    def _either_way(self, wanted: Flags) -> tuple[Ints, Ints, Ints]:
        """The edges wanted, from either end: (one end, the other, place of the edge)."""
        places = np.flatnonzero(wanted)
        a, b = self._edges.a[places], self._edges.b[places]
        return np.concatenate((a, b)), np.concatenate((b, a)), np.concatenate((places, places))

    def _place(self, key: Key) -> int:
        return bisect_left(self._table.keys, key)

    def _around(self, codes: Collection[int]) -> Region:
        """Those identifiers with all their evidence, and whoever else a decision names."""
        near = np.isin(self._edges.a, list(codes)) | np.isin(self._edges.b, list(codes))
        places = np.flatnonzero(near)
        ends = np.concatenate((self._edges.a[places], self._edges.b[places]))
        return self.region({*ends.tolist(), *self.decided.values()}, places.tolist())

    def _put_node(self, region: Region, code: int) -> None:
        who, key = self.identifiers, self._table.keys[code]
        region.nodes[key] = Node(
            key,
            who.namespaces[int(self._table.namespace[code])],
            int(self._table.first_at[code]),
            complete=True,
            burned=bool(who.burned[code]),
            shared=bool(who.shared[code]),
        )


def _classified(table: EvidenceTable, rules: IdentityRules) -> Identifiers:
    kinds = [rules.namespace(name) for name in table.namespaces]
    place, size = table.namespace, len(table.keys)
    return Identifiers(
        namespaces=kinds,
        rank=np.array([kind.rank for kind in kinds], np.int64)[place],
        person=np.array([kind.role is Role.PERSON for kind in kinds], np.bool_)[place],
        user=np.array([kind.name == USER for kind in kinds], np.bool_)[place],
        device=np.array([kind.role is Role.DEVICE for kind in kinds], np.bool_)[place],
        burned=np.zeros(size, np.bool_),
        shared=np.zeros(size, np.bool_),
        principal=np.arange(size),
        admits=np.full(size, _EVERYBODY),
    )


def _order(edges: Edges, rank: Ints) -> Ints:
    """(kind, ranks, firstAt, keys). Edges are sorted by their keys already, and lexsort is stable."""
    one, two = rank[edges.a], rank[edges.b]
    return np.lexsort((edges.first_at, np.maximum(one, two), np.minimum(one, two), edges.kind))


def _among(kind: Ints, kinds: Iterable[EvidenceKind]) -> Flags:
    return np.isin(kind, [STRENGTH[kind] for kind in kinds])


def _codes(table: EvidenceTable, decisions: Decisions) -> dict[Key, int]:
    """The codes of the identifiers that decisions in force name, and that the table has."""
    confirmed = {key for d in decisions.confirmed for key in (*d.left, *d.right)}
    named = confirmed.union(*(apart.left | apart.right for apart in decisions.apart))
    found = {}
    for key in named:
        place = bisect_left(table.keys, key)
        if place < len(table.keys) and table.keys[place] == key:
            found[key] = place
    return found
