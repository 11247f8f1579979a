"""What would become other if other rules held: two resolutions of one table, compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from graph_schema.model.change import ChangeKind, ChangePart
from graph_schema.model.evidence import Decision, RefusalRule
from graph_schema.model.identifier import Key, parse_key
from graph_schema.model.rehearsal import Rehearsal, RehearsedChange
from graph_schema.model.rules import IdentityRules
from identity.batch.cuts import RULES, UNCUT
from identity.batch.forms import with_forms
from identity.batch.resolving import Resolved, resolve_table
from identity.batch.table import EvidenceTable, Flags, Ints
from identity.blocked import Blocked


def rehearse(
    table: EvidenceTable,
    rules: IdentityRules,
    others: IdentityRules,
    decisions: Sequence[Decision],
    id_of: Callable[[Key], str],
    examples: int,
) -> Rehearsal:
    """`id_of` tells the id of the profile that an identifier anchors. Values that the other rules
    block leave their profiles; what is blocked today has no evidence that could be looked at."""
    blocked = Blocked(others)
    gone = np.array([blocked(parse_key(key)[2]) for key in table.keys], np.bool_)
    before = resolve_table(with_forms(table, rules), rules, decisions)
    after = resolve_table(with_forms(table.without(gone), others), others, decisions)
    return _Comparing(before, after, gone[~table.canonical], id_of).rehearsal(examples)


class _Comparing:
    """Groups of clusters of then and now that share identifiers, followed to their end. Canonical forms
    are left out: which of them there are is up to the rules."""

    def __init__(
        self, before: Resolved, after: Resolved, gone: Flags, id_of: Callable[[Key], str]
    ) -> None:
        self._after, self._gone, self._id_of = after, gone, id_of
        place, self._before = _named(before)
        self._keys = [before.table.keys[code] for code in np.flatnonzero(place >= 0).tolist()]
        left = np.flatnonzero(~gone)
        place, anchor = _named(after)
        self._code = np.where(place >= 0, left[place], -1)
        """Of each identifier afterwards, the place of the same one in `keys`; -1 for a form."""
        # Who is gone stands for itself.
        self._anchor = np.arange(len(gone))
        self._anchor[left] = left[anchor]
        self._left = left
        self._group = _groups(self._before, self._anchor)

    def rehearsal(self, examples: int) -> Rehearsal:
        size = len(self._group)
        olds = self._clusters(self._before)
        news = self._clusters(self._anchor[self._left])
        left = np.bincount(self._group[self._gone], minlength=size) > 0
        changed = (olds > 1) | (news > 1) | left
        merges = changed & (olds > 1) & (news == 1) & ~left
        splits = changed & (olds == 1) & (news > 1) & ~left
        members = np.bincount(self._group, minlength=size)
        places = np.flatnonzero(changed)
        largest = places[np.argsort(-members[places], kind="stable")][:examples]
        return Rehearsal(
            profiles_before=int(olds.sum()),
            profiles_after=int(news.sum()),
            merges=int(merges.sum()),
            splits=int(splits.sum()),
            moves=int((changed & ~merges & ~splits).sum()),
            examples=tuple(
                self._example(
                    place,
                    ChangeKind.MERGE
                    if merges[place]
                    else ChangeKind.SPLIT
                    if splits[place]
                    else ChangeKind.MOVE,
                )
                for place in largest.tolist()
            ),
        )

    def _clusters(self, anchors: Ints) -> Ints:
        """Of each group, how many clusters there are."""
        return np.bincount(self._group[np.unique(anchors)], minlength=len(self._group))

    def _example(self, place: int, kind: ChangeKind) -> RehearsedChange:
        members = np.flatnonzero(self._group == place)
        before = self._parts(self._before, members)
        after = self._parts(self._anchor, members[~self._gone[members]])
        rule = None if kind is ChangeKind.MERGE else self._rule(members)
        return RehearsedChange(kind, before, after, rule)

    def _parts(self, anchor: Ints, members: Ints) -> tuple[ChangePart, ...]:
        keys, parts = self._keys, []
        of = anchor[members]
        for code in np.unique(of).tolist():
            inside = members[of == code].tolist()
            parts.append(ChangePart(self._id_of(keys[code]), tuple(keys[c] for c in inside)))
        return tuple(sorted(parts, key=lambda part: part.profile_id))

    def _rule(self, members: Ints) -> RefusalRule | None:
        """The rule that refuses most of the evidence between what was one and is several."""
        edges = self._after.edges
        a, b = self._code[edges.a], self._code[edges.b]
        before, after = self._before, self._anchor
        parted = (before[a] == before[b]) & (after[a] != after[b]) & np.isin(a, members)
        rules = self._after.refused_by[parted & (a >= 0) & (b >= 0)]
        rules = rules[rules != UNCUT]
        if len(rules):
            return RULES[int(np.bincount(rules).argmax())]
        return RefusalRule.BLOCKED if self._gone[members].any() else None


def _named(resolved: Resolved) -> tuple[Ints, Ints]:
    """(n,): the places of the identifiers among those that are no canonical forms, -1 for the forms; and
    for each of the others the place of its anchor, which is never a form."""
    named = np.flatnonzero(~resolved.table.canonical)
    place = np.full(len(resolved.table.keys), -1)
    place[named] = np.arange(len(named))
    return place, place[resolved.anchor[named]]


def _groups(before: Ints, after: Ints) -> Ints:
    """(n,): clusters of then and now that share identifiers, followed to their end."""
    size = len(before)
    codes = np.arange(size)
    ones = np.ones(2 * size, np.int8)
    links = coo_array(
        (ones, (np.concatenate((codes, codes)), np.concatenate((before, after)))),
        shape=(size, size),
    )
    found: Ints = connected_components(links.tocsr(), directed=False)[1].astype(np.int64)
    return found
