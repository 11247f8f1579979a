"""Rules of identity that change: putting them in force, and resolving what there is by them."""

from __future__ import annotations

import time

import msgspec

from cdp.pipeline.consequences import Consequences
from cdp.pipeline.identities import IdentityResolver
from cdp.pipeline.in_force import InForce
from cdp.pipeline.sessions import SessionFolder
from cdp.pipeline.working import Working
from graph_schema.errors import BatchTooLarge
from graph_schema.model.change import ChangeStatus
from graph_schema.model.command import ChangeRules, Outcome, UndoChange
from graph_schema.model.identifier import IdentifierStatus
from graph_schema.model.rules import RulesVersion
from graph_schema.model.segment import MembershipCause
from graph_schema.model.time import Micros
from graph_schema.store import Batch, Checkpoint, Delta, GraphWriting
from identity.deciding import Refusal
from identity.ruling import rule, ruled

CHUNK = 200
RESTS = 9
"""So many times as long as a step took the walk leaves the graph to the events, while there are any."""


async def apply_rules(
    batch: Batch, in_force: InForce, command: ChangeRules | UndoChange, rec: Micros
) -> RulesVersion | None:
    """Writes the version that a command puts in force, the change that tells it, and the outcome.
    Answers the version, which holds when the batch is committed; None where there is no effect."""
    await in_force.refresh(batch)
    versions = [in_force.first, *await batch.rules(in_force.first.version)]
    found = rule(command, rec, versions)
    if isinstance(found, Refusal):
        change = ruled(command, rec, ChangeStatus.REFUSED)
        outcome = Outcome(command.id, rec, found.code, found.message, found.path)
        await batch.write(Delta(rec=rec, outcomes=[outcome], changes=[change]))
        return None
    work = Working(batch, in_force, rec)
    if found is None:
        change = ruled(command, rec, ChangeStatus.WITHOUT_EFFECT, versions[-1].version)
    else:
        change = ruled(command, rec, ChangeStatus.APPLIED, found.version)
        walked = [
            msgspec.structs.replace(one, walked=None)
            for one in versions[1:]
            if one.walked is not None
        ]
        work.delta.rules = [*walked, found]
        if found.rules.burned_above > versions[-1].rules.burned_above:
            await _release(work, found.rules.burned_above)
    work.delta.identifiers = [work.identifiers[key] for key in sorted(work.changed_identifiers)]
    work.delta.outcomes = [Outcome(command.id, rec)]
    work.delta.changes = [change]
    await batch.write(work.delta)
    return found


async def _release(work: Working, users: int) -> None:
    """Whom the new rules do not burn any longer. Their evidence, which was not even read, is read from
    here on; the walk resolves it."""
    keys = await work.batch.burned_by(users)
    if not keys:
        return
    for identifier in (await work.batch.clusters(keys)).members:
        work.learn(identifier)
        if identifier.status is IdentifierStatus.BURNED:
            work.put_identifier(msgspec.structs.replace(identifier, status=IdentifierStatus.ACTIVE))


class RulesWalk:
    """Resolves everybody by the rules in force, some at a time, in the order of the keys. Done by
    whoever holds the commands' partition; each step is one transaction, which stores how far it came.
    Who was marked to be resolved again meanwhile is met by the next round; it ends when a round meets
    nobody."""

    def __init__(self, store: GraphWriting, in_force: InForce) -> None:
        self._store = store
        self._in_force = in_force
        self._chunk = CHUNK
        self._free_at = 0.0
        self._ended = 0

    def wake(self) -> None:
        """Rests no longer: nothing else is to be done."""
        self._free_at = 0.0

    def forget(self) -> None:
        """Another worker may have put rules in force."""
        self._ended = 0

    @property
    def ended(self) -> bool:
        """Whether everybody is known to be resolved by the rules in force."""
        return self._ended >= self._in_force.rules.version

    async def step(self, checkpoint: Checkpoint) -> Checkpoint | None:
        """The next of them; None where none is left, or it rests."""
        if self.ended or time.monotonic() < self._free_at:
            return None
        began = time.monotonic()
        try:
            async with self._store.batch(checkpoint) as batch:
                ended = await self._step(batch)
                checkpoint = batch.checkpoint
        except BatchTooLarge:
            if self._chunk == 1:
                raise
            self._chunk //= 2
            return checkpoint
        self._free_at = time.monotonic() + RESTS * (time.monotonic() - began)
        if ended:
            self._ended = self._in_force.rules.version
            return None
        return checkpoint

    async def _step(self, batch: Batch) -> bool:
        """Whether nothing was left to do."""
        await self._in_force.refresh(batch)
        version = self._in_force.rules.version
        newest = next(iter(await batch.rules(version - 1)), None)
        if newest is None or newest.walked is None:
            return True
        keys = await batch.outdated(version, newest.walked, self._chunk)
        at = batch.checkpoint
        rec = max([self._in_force.now(), *(known.rec for known in await batch.checkpoints())])
        work = Working(batch, self._in_force, rec)
        walked = keys[-1] if keys else "" if newest.walked else None
        work.delta.rules = [msgspec.structs.replace(newest, walked=walked)]
        await IdentityResolver(work).resolve_anew(keys)
        await Consequences(work, SessionFolder(work), self._in_force).write(
            (), cause=MembershipCause.IDENTITY
        )
        await batch.advance(at.position, at.rec)
        return False
