"""Whom a person means: ids and identifiers of an input as profiles, and the commands made of them.

What a command names is what the profiles hold at this moment, as the person sees them; the log keeps
these sets, so that the decision is the same whenever it is applied.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence

import msgspec

from graph_schema.model.command import MergeProfiles, SplitProfile
from graph_schema.model.identifier import Identifier, Key
from graph_schema.model.rules import IdentityRules, is_canonical
from graph_schema.model.time import Micros
from graph_schema.store import GraphReading
from identity.deciding import Refusal
from identity.normalise import Normaliser

MOST_NAMED = 100


class Named(msgspec.Struct, frozen=True):
    """`keys`: the identifiers that the input stands for, each once, in its order. `profiles`: of those
    that hold them, the members in anchor order; the one with the least anchor first."""

    keys: tuple[Key, ...]
    profiles: tuple[tuple[Key, ...], ...]


class Naming:
    def __init__(self, store: GraphReading, rules: IdentityRules) -> None:
        self._store = store
        self._normaliser = Normaliser(rules)

    async def profiles(
        self, ids: Sequence[str], identifiers: Sequence[tuple[str, str]]
    ) -> Named | Refusal:
        if len(ids) + len(identifiers) > MOST_NAMED:
            return Refusal("LIMIT", f"Name {MOST_NAMED} profiles and identifiers at most.")
        keys: dict[Key, None] = {}
        anchors = await self._store.identifiers_by_ids(ids)
        for place, anchor in enumerate(anchors):
            if anchor is None:
                return _unknown("There is no such profile.", "ids", place)
            if is_canonical(anchor.namespace):
                return _form("ids", place)
            keys[anchor.key] = None
        wanted = [self._normaliser.key(namespace, value) for namespace, value in identifiers]
        for place, (namespace, _) in enumerate(identifiers):
            if is_canonical(namespace):
                return _form("identifiers", place)
        for place, known in enumerate(await self._store.identifiers_by_keys(wanted)):
            if known is None or known.profile is None:
                return _unknown("No profile has that identifier.", "identifiers", place)
            keys[known.key] = None
        return Named(tuple(keys), await self._members(tuple(keys)))

    async def _members(self, keys: Sequence[Key]) -> tuple[tuple[Key, ...], ...]:
        """One reading, so that the profiles share no identifier. Without canonical forms."""
        found: dict[str, list[Identifier]] = {}
        for member in (await self._store.clusters(keys)).members:
            if is_canonical(member.namespace):
                continue
            found.setdefault(member.profile or "", []).append(member)
        profiles = [sorted(members, key=_anchor_order) for members in found.values()]
        profiles.sort(key=lambda members: _anchor_order(members[0]))
        return tuple(tuple(member.key for member in members) for members in profiles)


def command_id(what: str, actor: str, idempotency_key: str | None) -> str:
    """The id of a command, which is its change's. With a key it is the same for the same actor."""
    if idempotency_key is None:
        return f"c_{uuid.uuid4().hex}"
    text = "\x00".join(("command", what, actor, idempotency_key))
    return f"c_{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


def merging(
    id_: str, actor: str, at: Micros, note: str | None, named: Named, rules: IdentityRules
) -> MergeProfiles | Refusal:
    """Profiles are confirmed whole. Of what is one profile already the identifiers that were named
    are, so that the decision holds also where the evidence between them goes."""
    parts = named.profiles
    if len(parts) == 1:
        parts = tuple((key,) for key in named.keys)
    if len(parts) < 2:
        return Refusal("BAD_INPUT", "Name two profiles or more.")
    if sum(map(len, named.profiles)) > rules.size_cap:
        return Refusal("LIMIT", f"One profile holds {rules.size_cap} identifiers at most.")
    return MergeProfiles(id=id_, actor=actor, at=at, parts=parts, note=note)


def splitting(
    id_: str, actor: str, at: Micros, note: str | None, named: Named
) -> SplitProfile | Refusal:
    path = ("identifiers",)
    if not named.keys:
        return Refusal("BAD_INPUT", "Name at least one identifier.", path)
    if len(named.profiles) > 1:
        return Refusal("BAD_INPUT", "These identifiers are of several profiles.", path)
    rest = tuple(key for key in named.profiles[0] if key not in named.keys)
    if not rest:
        return Refusal("BAD_INPUT", "At least one identifier has to stay.", path)
    return SplitProfile(id=id_, actor=actor, at=at, taken=named.keys, rest=rest, note=note)


def _unknown(message: str, field: str, place: int) -> Refusal:
    return Refusal("NOT_FOUND", message, (field, str(place)))


def _form(field: str, place: int) -> Refusal:
    message = "A canonical form goes with its spellings: name those."
    return Refusal("BAD_INPUT", message, (field, str(place)))


def _anchor_order(identifier: Identifier) -> tuple[int, Micros, Key]:
    return identifier.rank, identifier.first_at, identifier.key
