"""Commands of people as decisions between sets of identifiers, and what came of them, without I/O.

A command makes one decision or several, so that undoing it takes all of them back: of three profiles
that are to be one, the first is confirmed with each of the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from graph_schema.model.change import CausedBy, ChangeKind, ChangePart, ChangeStatus, IdentityChange
from graph_schema.model.command import IdentityCommand, MergeProfiles, SplitProfile, UndoChange
from graph_schema.model.evidence import Decision, DecisionKind
from graph_schema.model.identifier import Key, parse_key
from graph_schema.model.profile import ProfileIds
from graph_schema.model.rules import is_canonical
from graph_schema.model.time import Micros
from identity.decisions import USER, Decisions, decision_id
from identity.difference import Difference

_KINDS = {
    MergeProfiles: ChangeKind.MERGE,
    SplitProfile: ChangeKind.SPLIT,
    UndoChange: ChangeKind.UNDO,
}


class Refusal(msgspec.Struct, frozen=True):
    """Why a command has no effect: a stable code, a sentence, and where in the input."""

    code: str
    message: str
    path: tuple[str, ...] = ()


def decide(
    command: IdentityCommand, rec: Micros, decisions: Decisions, undone: IdentityChange | None
) -> list[Decision] | Refusal:
    """The decisions that a command makes. `undone` is the change that an undoing names, None where
    there is none; `decisions` are all that were recorded before."""
    match command:
        case MergeProfiles(parts=parts):
            first, *others = parts
            return _numbered(command, rec, [(DecisionKind.CONFIRMED, first, o) for o in others])
        case SplitProfile(taken=taken, rest=rest):
            return _numbered(command, rec, [(DecisionKind.CANNOT_LINK, taken, rest)])
        case UndoChange():
            return _undo(command, rec, decisions, undone)


def why_not_undoable(change: IdentityChange, decisions: Decisions) -> Refusal | None:
    """Why a change cannot be taken back; None where it can."""
    if decisions.taken_back_by(change.id) is not None:
        return _nothing("This change was taken back already.")
    if change.by is CausedBy.DECISION:
        return None if decisions.made_by(change.id) else _nothing("Nothing was decided there.")
    if change.by is CausedBy.EVENT and change.kind is ChangeKind.MERGE and len(change.before) > 1:
        return None
    if change.by is CausedBy.RULES:
        return _nothing("Rules brought this change about: take the change of rules back.")
    return _nothing(
        "Evidence brought this change about, and of those only a merge of profiles can be taken back: "
        "merge or split the profiles as they are now."
    )


def _undo(
    command: UndoChange, rec: Micros, decisions: Decisions, change: IdentityChange | None
) -> list[Decision] | Refusal:
    if change is None:
        return Refusal("NOT_FOUND", "There is no such change.", ("changeId",))
    refusal = why_not_undoable(change, decisions)
    if refusal is not None:
        return refusal
    made = decisions.made_by(change.id)
    if made:
        return [
            _decision(command, rec, number, decision.kind, (), (), undoes=decision.id)
            for number, decision in enumerate(made)
        ]
    parts = [part.identifiers for part in change.before]
    # Each part with all behind it: the same as every pair, in fewer decisions.
    pairs = [
        (DecisionKind.CANNOT_LINK, part, tuple(key for later in parts[i + 1 :] for key in later))
        for i, part in enumerate(parts[:-1])
    ]
    return _numbered(command, rec, pairs, undoes_change=change.id)


def _nothing(message: str) -> Refusal:
    return Refusal("NOTHING_TO_UNDO", message, ("changeId",))


def _numbered(
    command: IdentityCommand,
    rec: Micros,
    pairs: Sequence[tuple[DecisionKind, tuple[Key, ...], tuple[Key, ...]]],
    undoes_change: str | None = None,
) -> list[Decision]:
    """Nothing is decided about canonical forms: they go with their spellings."""
    named = [(kind, _named(left), _named(right)) for kind, left, right in pairs]
    return [
        _decision(command, rec, number, kind, left, right, undoes_change=undoes_change)
        for number, (kind, left, right) in enumerate(n for n in named if n[1] and n[2])
    ]


def _named(keys: tuple[Key, ...]) -> tuple[Key, ...]:
    """Those that clients named, and no rule."""
    return tuple(key for key in keys if not is_canonical(parse_key(key)[0]))


def _decision(
    command: IdentityCommand,
    rec: Micros,
    number: int,
    kind: DecisionKind,
    left: tuple[Key, ...],
    right: tuple[Key, ...],
    *,
    undoes: str | None = None,
    undoes_change: str | None = None,
) -> Decision:
    return Decision(
        id=decision_id(command.id, number),
        kind=kind,
        left=left,
        right=right,
        actor=command.actor,
        at=rec,
        note=command.note,
        undoes=undoes,
        rec=rec,
        undoes_change=undoes_change,
    )


# ── what came of it ────────────────────────────────────────────────────────────────────────────


def came_out(
    before: dict[Key, frozenset[Key]], after: dict[Key, frozenset[Key]]
) -> ChangeKind | None:
    """Of clusters by their anchors. A merge: every former one lies whole in one of today's, and an
    anchor, so an id, went. A split: one became several. Else identifiers moved. Growing by new
    identifiers is no change."""
    if all(any(members <= now for now in after.values()) for members in before.values()):
        retired = [anchor for anchor in before if anchor not in after]
        return ChangeKind.MERGE if retired else None
    return ChangeKind.SPLIT if len(before) == 1 else ChangeKind.MOVE


def change_of(
    command: IdentityCommand,
    rec: Micros,
    difference: Difference,
    beside: tuple[ChangePart, ...],
    ids: ProfileIds,
) -> IdentityChange:
    """The change that a command is. `beside`: profiles that hold the identifiers that they held, but
    have lost or gained sessions."""
    before = (*parts_of(difference.before, ids), *beside)
    after = (*parts_of(difference.after, ids), *beside)
    kind = _KINDS[type(command)]
    if not isinstance(command, UndoChange):
        kind = came_out(difference.before, difference.after) or kind
    status = ChangeStatus.APPLIED if before or after else ChangeStatus.WITHOUT_EFFECT
    return told(command, rec, status, kind=kind, before=before, after=after)


def told(
    command: IdentityCommand,
    at: Micros,
    status: ChangeStatus,
    *,
    kind: ChangeKind | None = None,
    before: tuple[ChangePart, ...] = (),
    after: tuple[ChangePart, ...] = (),
) -> IdentityChange:
    """A command as a change, also one that is refused or waits."""
    return IdentityChange(
        id=command.id,
        kind=kind or _KINDS[type(command)],
        at=at,
        cause=decision_id(command.id),
        before=before,
        after=after,
        by=CausedBy.DECISION,
        status=status,
        undoes=command.change if isinstance(command, UndoChange) else None,
    )


def parts_of(clusters: dict[Key, frozenset[Key]], ids: ProfileIds) -> tuple[ChangePart, ...]:
    """Clusters by their anchors, as parts of a change."""
    return tuple(
        ChangePart(ids.of(anchor), tuple(sorted(members)))
        for anchor, members in sorted(clusters.items())
    )


def facing(decided: Sequence[Decision], decisions: Decisions) -> set[tuple[Key, Key]]:
    """The pairs of an identifier and a user_id that new decisions, or those that they undo or bring
    back, name on different sides: whose sessions may have another owner now."""
    by_id = {decision.id: decision for decision in decisions.recorded}
    found: set[tuple[Key, Key]] = set()
    for decision in decided:
        said: Decision | None = decision
        while said is not None:
            for side, other in ((said.left, said.right), (said.right, said.left)):
                users = [key for key in other if parse_key(key)[0] == USER]
                found.update((key, user) for key in side for user in users)
            said = by_id.get(said.undoes) if said.undoes is not None else None
    return found
