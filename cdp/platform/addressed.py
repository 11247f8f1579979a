"""Profiles by a whole e-mail address, phone number or other personal name, through its keyed hash.

Every identifier is indexed under the hash of its key, from which profile ids are made as well. So who is
looked for by a whole address is found by one look into an index, and the address is compared with none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graph_schema.model.profile import Profile, ProfileIds
from graph_schema.model.rules import IdentityRules
from graph_schema.store import GraphReading, Page, Span
from identity.normalise import LONGEST, Normaliser

_ALL = Span(10_000)

_ORDERS: dict[str, tuple[Callable[[Profile], tuple[Any, ...]], bool]] = {
    "LAST_SEEN_DESC": (lambda one: (one.last_at, one.id), True),
    "FIRST_SEEN_DESC": (lambda one: (one.first_at, one.id), True),
    "ID": (lambda one: (one.id,), False),
}
"""By name of ProfileOrder: the keyset, and whether the greatest comes first."""


class Addressed:
    def __init__(self, store: GraphReading, rules: IdentityRules, ids: ProfileIds) -> None:
        self._store = store
        self._normaliser = Normaliser(rules)
        self._spaces = [n.name for n in rules.namespaces if n.pii and not n.scoped]
        self._ids = ids

    async def profiles(self, text: str, segment: str | None) -> list[Profile] | None:
        """The profiles that hold the text as a whole, or another spelling of it by the rules in force;
        of these the members of `segment`. None where nobody holds it: it may be a part of something."""
        found = await self._store.profiles_by_ids(self._hashes(text))
        known = {profile.id: profile for profile in found if profile is not None}
        if not known:
            return None
        if segment is None:
            return list(known.values())
        pages = await self._store.membership_pages(list(known), _ALL)
        return [
            profile
            for profile, page in zip(known.values(), pages, strict=True)
            if any(membership.segment == segment for membership in page.items)
        ]

    def _hashes(self, text: str) -> list[str]:
        """The ids of the identifiers that the text may be."""
        if len(text) > LONGEST:
            return []
        keys = [self._normaliser.key(namespace, text) for namespace in self._spaces]
        forms = [form for key in keys if (form := self._normaliser.form_of(key)) is not None]
        return [self._ids.of(key) for key in (*keys, *forms)]


def page_of(profiles: Sequence[Profile], order: str, span: Span) -> Page[Profile]:
    """As a store pages through all of them."""
    keyset, down = _ORDERS[order]
    after = span.after
    left = [
        profile
        for profile in sorted(profiles, key=keyset, reverse=down)
        if after is None or (keyset(profile) < after if down else keyset(profile) > after)
    ]
    return Page(left[: span.first], len(left) > span.first)
