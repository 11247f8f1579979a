"""Which rules hold: putting others in force, taking that back, telling what came of it; without I/O.

Versions are numbered from 1, those that the graph began with. Taking a change of rules back puts the
rules before it in force again, as a version of its own; so that can be taken back too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from graph_schema.model.change import CausedBy, ChangeKind, ChangeStatus, IdentityChange
from graph_schema.model.command import ChangeRules, UndoChange
from graph_schema.model.identifier import Key
from graph_schema.model.profile import ProfileIds
from graph_schema.model.rules import IdentityRules, RulesVersion
from graph_schema.model.time import Micros
from identity.deciding import Refusal, came_out, parts_of
from identity.difference import Difference

_CHANGEABLE = frozenset({
    "version", "other_limit", "size_cap", "burned_above", "dominant_from", "dominant_until",
})  # fmt: skip
"""What decides which evidence joins. All else decides what events name, and what is recorded of them."""


def rule(
    command: ChangeRules | UndoChange,
    rec: Micros,
    versions: Sequence[RulesVersion],
    undone: IdentityChange | None = None,
) -> RulesVersion | Refusal | None:
    """The version that a command puts in force; None where those rules hold already. `versions`: all,
    oldest first, those that the graph began with among them."""
    newest = versions[-1]
    if isinstance(command, ChangeRules):
        fixed = _fixed(newest.rules, command.rules)
        if fixed:
            message = (
                f"{', '.join(fixed)}: this decides what events name, and those in the graph were read"
                " by the rules in force: CDP_IDENTITY_RULES and a rebuild read them anew. Limits, the"
                " size cap, burned_above and the dominance band can be changed while events go on."
            )
            return Refusal("RULES_FIXED", message, ("rules",))
        rules = command.rules
    else:
        taken_back = _version_of(versions, command.change)
        if taken_back is None or not undoable(versions, command.change):
            message = (
                "Other rules were put in force since: take that back first, or name the rules."
            )
            return Refusal("NOTHING_TO_UNDO", message, ("changeId",))
        rules = versions[versions.index(taken_back) - 1].rules
    number = newest.version + 1
    rules = msgspec.structs.replace(rules, version=number)
    if rules == msgspec.structs.replace(newest.rules, version=number):
        return None
    return RulesVersion(
        number,
        rules,
        rec,
        command.actor,
        command.id,
        command.note,
        command.change if isinstance(command, UndoChange) else None,
        walked="",
    )


def is_about_rules(change: IdentityChange | None) -> bool:
    """Whether undoing it is a change of rules: not so for what became of profiles by them."""
    return (
        change is not None
        and change.by is CausedBy.RULES
        and change.kind in (ChangeKind.RULES, ChangeKind.UNDO)
    )


def undoable(versions: Sequence[RulesVersion], change: str) -> bool:
    """Whether a change of rules is the last one, or the last that was not taken back. `versions` as for
    `rule`."""
    version = _version_of(versions[1:], change)
    return version is not None and version in (versions[-1], _stands_for(versions))


def taken_back_by(versions: Sequence[RulesVersion], change: str) -> str | None:
    """The change in force that takes a change of rules back."""
    for later in reversed(versions):
        if later.undoes == change and taken_back_by(versions, later.change) is None:
            return later.change
    return None


def ruled(
    command: ChangeRules | UndoChange, at: Micros, status: ChangeStatus, version: int | None = None
) -> IdentityChange:
    """A change of rules as it is told. What becomes of profiles follows, as changes of their own whose
    cause is this version."""
    undo = isinstance(command, UndoChange)
    return IdentityChange(
        id=command.id,
        kind=ChangeKind.UNDO if undo else ChangeKind.RULES,
        at=at,
        cause="" if version is None else str(version),
        before=(),
        after=(),
        by=CausedBy.RULES,
        status=status,
        undoes=command.change if isinstance(command, UndoChange) else None,
    )


def consequences(
    difference: Difference, version: int, at: Micros, place: str, ids: ProfileIds
) -> list[IdentityChange]:
    """What a version of the rules made of profiles: one change for those that have to do with each
    other. `place` is of this step of resolving and no other."""
    found = []
    for number, (before, after) in enumerate(_groups(difference)):
        kind = came_out(before, after)
        if kind is not None:
            named = f"rules\x00{version}\x00{place}\x00{number}"
            found.append(
                IdentityChange(
                    id=f"c_{hashlib.blake2b(named.encode(), digest_size=16).hexdigest()}",
                    kind=kind,
                    at=at,
                    cause=str(version),
                    before=parts_of(before, ids),
                    after=parts_of(after, ids),
                    by=CausedBy.RULES,
                )
            )
    return found


Clusters = dict[Key, frozenset[Key]]


def _groups(difference: Difference) -> list[tuple[Clusters, Clusters]]:
    """Clusters of then and now that share identifiers, followed to their end; by their least key."""
    group: dict[Key, Key] = {}

    def root(key: Key) -> Key:
        while group[key] != key:
            group[key] = group[group[key]]
            key = group[key]
        return key

    for clusters in (difference.before, difference.after):
        for members in clusters.values():
            first, *rest = sorted(members)
            group.setdefault(first, first)
            for key in rest:
                group.setdefault(key, key)
                one, other = sorted((root(first), root(key)))
                group[other] = one
    found: dict[Key, tuple[Clusters, Clusters]] = {}
    for side, clusters in enumerate((difference.before, difference.after)):
        for anchor, members in clusters.items():
            found.setdefault(root(anchor), ({}, {}))[side][anchor] = members
    return [found[least] for least in sorted(found)]


def _stands_for(versions: Sequence[RulesVersion]) -> RulesVersion:
    """The version whose rules the newest one repeats: an undoing stands for what was before what it
    takes back."""
    standing = versions[-1]
    while standing.undoes is not None:
        undone = _version_of(versions, standing.undoes)
        if undone is None:
            break
        standing = versions[versions.index(undone) - 1]
    return standing


def _version_of(versions: Sequence[RulesVersion], change: str) -> RulesVersion | None:
    return next((version for version in versions if version.change == change), None)


def _fixed(now: IdentityRules, then: IdentityRules) -> list[str]:
    """What differs and cannot be changed, by the names that a rules file gives it."""
    names = [
        field
        for field in now.__struct_fields__
        if field not in _CHANGEABLE
        and field != "namespaces"
        and getattr(now, field) != getattr(then, field)
    ]
    spaces = sorted({space.name for rules in (now, then) for space in rules.namespaces})
    for name in spaces:
        one, other = now.namespace(name), then.namespace(name)
        if msgspec.structs.replace(one, limit=other.limit) != other:
            names.append(f"namespaces.{name}")
    return names
