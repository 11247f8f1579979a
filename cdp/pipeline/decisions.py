"""Applying a person's decision: it is recorded, and resolve alone says what becomes of the profiles."""

from __future__ import annotations

from cdp.pipeline.consequences import Consequences
from cdp.pipeline.identities import IdentityResolver
from cdp.pipeline.in_force import InForce
from cdp.pipeline.rules import apply_rules
from cdp.pipeline.sessions import SessionFolder
from cdp.pipeline.working import Working
from graph_schema.model.change import ChangePart, ChangeStatus
from graph_schema.model.command import IdentityCommand, Outcome, UndoChange
from graph_schema.model.rules import RulesVersion
from graph_schema.model.segment import MembershipCause
from graph_schema.model.time import Micros
from graph_schema.store import Batch, Delta
from identity.deciding import Refusal, change_of, decide, facing, told
from identity.ruling import is_about_rules


async def apply_decision(
    batch: Batch, in_force: InForce, command: IdentityCommand, rec: Micros
) -> RulesVersion | None:
    """Writes the decisions, what they bring about, the change that tells it, and the outcome.
    Answers the rules that an undoing puts in force."""
    await in_force.refresh(batch)
    undone = None
    if isinstance(command, UndoChange):
        (undone,) = await batch.changes_by_ids([command.change])
    if isinstance(command, UndoChange) and is_about_rules(undone):
        return await apply_rules(batch, in_force, command, rec)
    decided = decide(command, rec, in_force.decisions, undone)
    if isinstance(decided, Refusal):
        await _refuse(batch, command, rec, decided)
        return None
    work = Working(batch, in_force, rec)
    difference = await IdentityResolver(work).decide(decided)
    sessions = SessionFolder(work)
    await sessions.reown(facing(decided, work.decisions))
    work.delta.decisions = decided
    told_of = {*difference.before, *difference.after}
    beside = await _with_other_sessions(work, {work.ids.of(anchor) for anchor in told_of})
    work.delta.changes += [change_of(command, rec, difference, beside, work.ids)]
    work.delta.outcomes = [Outcome(command.id, rec)]
    await Consequences(work, sessions, in_force).write((), cause=MembershipCause.IDENTITY)
    return None


async def _with_other_sessions(work: Working, told_of: set[str]) -> tuple[ChangePart, ...]:
    """Profiles that hold the identifiers that they held, but have lost or gained sessions."""
    held = await work.batch.identifiers_of(sorted(work.stale - told_of))
    return tuple(
        ChangePart(id_, tuple(sorted(identifier.key for identifier in identifiers)))
        for id_, identifiers in held.items()
    )


async def _refuse(batch: Batch, command: IdentityCommand, rec: Micros, refusal: Refusal) -> None:
    """The attempt is told in the audit trail too."""
    outcome = Outcome(command.id, rec, refusal.code, refusal.message, refusal.path)
    change = told(command, rec, ChangeStatus.REFUSED)
    await batch.write(Delta(rec=rec, outcomes=[outcome], changes=[change]))
