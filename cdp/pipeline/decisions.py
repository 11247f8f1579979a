"""Applying a person's decision: it is recorded, and resolve alone says what becomes of the profiles."""

from __future__ import annotations

from cdp.pipeline.consequences import Consequences
from cdp.pipeline.identities import IdentityResolver
from cdp.pipeline.in_force import InForce
from cdp.pipeline.sessions import SessionFolder
from cdp.pipeline.working import Working
from graph_schema.model.change import CausedBy, ChangeKind, ChangePart, ChangeStatus, IdentityChange
from graph_schema.model.command import IdentityCommand, Outcome, UndoChange
from graph_schema.model.segment import MembershipCause
from graph_schema.model.time import Micros
from graph_schema.store import Batch, Delta
from identity.deciding import Refusal, came_out, decide, facing, kind_of, parts_of
from identity.decisions import decision_id
from identity.difference import Difference


async def apply_decision(
    batch: Batch, in_force: InForce, command: IdentityCommand, rec: Micros
) -> None:
    """Writes the decisions, what they bring about, the change that tells it, and the outcome."""
    await in_force.refresh(batch)
    undone = None
    if isinstance(command, UndoChange):
        (undone,) = await batch.changes_by_ids([command.change])
    decided = decide(command, rec, in_force.decisions, undone)
    if isinstance(decided, Refusal):
        await _refuse(batch, command, rec, decided)
        return
    work = Working(batch, in_force, rec)
    difference = await IdentityResolver(work).decide(decided)
    sessions = SessionFolder(work)
    await sessions.reown(facing(decided, work.decisions))
    work.delta.decisions = decided
    work.delta.changes = [await _change(work, command, difference)]
    work.delta.outcomes = [Outcome(command.id, rec)]
    await Consequences(work, sessions, in_force).write((), cause=MembershipCause.IDENTITY)


async def _change(
    work: Working, command: IdentityCommand, difference: Difference
) -> IdentityChange:
    before = parts_of(difference.before, work.ids)
    after = parts_of(difference.after, work.ids)
    beside = await _with_other_sessions(work, {part.profile_id for part in (*before, *after)})
    kind = kind_of(command)
    if not isinstance(command, UndoChange):
        kind = came_out(difference.before, difference.after) or kind
    effect = bool(before or after or beside)
    return _told(
        command,
        work.rec,
        kind=kind,
        before=(*before, *beside),
        after=(*after, *beside),
        status=ChangeStatus.APPLIED if effect else ChangeStatus.WITHOUT_EFFECT,
    )


async def _with_other_sessions(work: Working, told: set[str]) -> tuple[ChangePart, ...]:
    """Profiles that hold the identifiers that they held, but have lost or gained sessions."""
    held = await work.batch.identifiers_of(sorted(work.stale - told))
    return tuple(
        ChangePart(id_, tuple(sorted(identifier.key for identifier in identifiers)))
        for id_, identifiers in held.items()
    )


async def _refuse(batch: Batch, command: IdentityCommand, rec: Micros, refusal: Refusal) -> None:
    """The attempt is told in the audit trail too."""
    change = _told(command, rec, kind=kind_of(command), status=ChangeStatus.REFUSED)
    outcome = Outcome(command.id, rec, refusal.code, refusal.message, refusal.path)
    await batch.write(Delta(rec=rec, outcomes=[outcome], changes=[change]))


def _told(
    command: IdentityCommand,
    rec: Micros,
    *,
    kind: ChangeKind,
    status: ChangeStatus,
    before: tuple[ChangePart, ...] = (),
    after: tuple[ChangePart, ...] = (),
) -> IdentityChange:
    return IdentityChange(
        id=command.id,
        kind=kind,
        at=rec,
        cause=decision_id(command.id),
        before=before,
        after=after,
        by=CausedBy.DECISION,
        status=status,
        undoes=command.change if isinstance(command, UndoChange) else None,
    )
