"""The audit trail of profiles that became other profiles, and what of it can be taken back."""

from __future__ import annotations

from collections.abc import Sequence

from api.platform import Changed, ChangeResult, ChangeStanding, InputProblem, Refused, Waiting
from cdp.platform.commanding import Commanding
from cdp.platform.naming import Naming, command_id, merging, splitting
from cdp.platform.rehearsal import rehearse
from cdp.platform.rules import KnownRules
from graph_schema.model.change import ChangeStatus, FeedEntry, IdentityChange
from graph_schema.model.command import ChangeRules, Command, IdentityCommand, Outcome, UndoChange
from graph_schema.model.evidence import Decision
from graph_schema.model.profile import ProfileIds
from graph_schema.model.rules import IdentityRules, RulesVersion
from graph_schema.model.time import Micros, now
from graph_schema.reading import MomentReading
from graph_schema.store import GraphReading, Page, Span
from identity.deciding import Refusal, told, why_not_undoable
from identity.decisions import Decisions, decision_id
from identity.ruling import is_about_rules, ruled, taken_back_by, undoable

_UNKNOWN = ChangeStanding(None, undoable=False)


class KnownChanges:
    """Implements `api.platform.IdentityChanges` on what was known at one moment."""

    def __init__(self, store: MomentReading) -> None:
        self._store = store

    async def by_ids(self, ids: Sequence[str]) -> list[IdentityChange | None]:
        return await self._store.changes_by_ids(ids)

    async def standings(self, ids: Sequence[str]) -> list[ChangeStanding]:
        changes = await self._store.changes_by_ids(ids)
        asked = [name for id_ in ids for name in (id_, decision_id(id_))]
        decisions = Decisions(await self._store.decisions_about(asked))
        ruled = any(is_about_rules(change) for change in changes)
        versions = await KnownRules(self._store, IdentityRules()).versions() if ruled else ()
        return [
            _standing(change, decisions, versions) if change else _UNKNOWN for change in changes
        ]

    async def decisions(self, ids: Sequence[str]) -> list[Decision | None]:
        return await self._store.decisions_by_ids(ids)

    async def rules(self, numbers: Sequence[str]) -> list[RulesVersion | None]:
        known = {str(one.version): one for one in await self._store.rules(0)}
        return [known.get(number) for number in numbers]


class StoredChanges(KnownChanges):
    """Implements `api.platform.IdentityCommands` on a graph store and the commands of the log."""

    def __init__(
        self, store: GraphReading, commands: Commanding, rules: IdentityRules, ids: ProfileIds
    ) -> None:
        super().__init__(store)
        self._graph = store
        self._commands = commands
        self._known_rules = KnownRules(store, rules)
        self._ids = ids
        self._naming = Naming(store, rules)

    # ── reading ────────────────────────────────────────────────────────────────────────────────

    async def by_ids(self, ids: Sequence[str]) -> list[IdentityChange | None]:
        found = await self._store.changes_by_ids(ids)
        return [
            change or _waiting(await self._commands.waiting(id_))
            for id_, change in zip(ids, found, strict=True)
        ]

    async def page(self, kinds: Sequence[str] | None, span: Span) -> Page[FeedEntry]:
        return await self._graph.change_page(_lowered(kinds), span)

    async def count(
        self, kinds: Sequence[str] | None, since: Micros | None, until: Micros | None
    ) -> int:
        return await self._graph.change_count(_lowered(kinds), since, until)

    # ── changing ───────────────────────────────────────────────────────────────────────────────

    async def merge(
        self,
        *,
        actor: str,
        ids: Sequence[str],
        identifiers: Sequence[tuple[str, str]],
        note: str | None,
        dry_run: bool,
        idempotency_key: str | None,
    ) -> ChangeResult:
        id_ = command_id("merge", actor, idempotency_key)
        known = await self._known(id_)
        if known is not None:
            return known
        named = await self._naming.profiles(ids, identifiers)
        if isinstance(named, Refusal):
            return _refused(named)
        command = merging(id_, actor, now(), note, named, await self._known_rules.in_force())
        return await self._ask(command, dry_run=dry_run)

    async def split(
        self,
        *,
        actor: str,
        identifiers: Sequence[tuple[str, str]],
        note: str | None,
        dry_run: bool,
        idempotency_key: str | None,
    ) -> ChangeResult:
        id_ = command_id("split", actor, idempotency_key)
        known = await self._known(id_)
        if known is not None:
            return known
        named = await self._naming.profiles((), identifiers)
        if isinstance(named, Refusal):
            return _refused(named)
        return await self._ask(splitting(id_, actor, now(), note, named), dry_run=dry_run)

    async def undo(self, *, actor: str, change_id: str, note: str | None) -> ChangeResult:
        id_ = command_id("undo", actor, None)
        (change,) = await self._store.changes_by_ids([change_id])
        if change is None:
            # One that still waits in the log comes first there: the worker will know it.
            (change,) = await self.by_ids([change_id])
            if change is None:
                refusal = Refusal("NOT_FOUND", "There is no such change.", ("changeId",))
                return _refused(refusal)
        command = UndoChange(id=id_, actor=actor, at=now(), change=change_id, note=note)
        return await self._ask(command, dry_run=False)

    async def _known(self, id_: str) -> ChangeResult | None:
        """What became of a command that was asked before under the same idempotency key."""
        (outcome,) = await self._graph.outcomes([id_])
        return None if outcome is None else await self._became(id_, outcome)

    async def _ask(self, command: IdentityCommand | Refusal, *, dry_run: bool) -> ChangeResult:
        if isinstance(command, Refusal):
            return _refused(command)
        if dry_run:
            change = await rehearse(
                self._graph, command, await self._known_rules.in_force(), self._ids, now()
            )
            return _refused(change) if isinstance(change, Refusal) else Changed(change, True)
        outcome = await self._commands.ask(command)
        return Waiting(command.id) if outcome is None else await self._became(command.id, outcome)

    async def _became(self, id_: str, outcome: Outcome) -> ChangeResult:
        if outcome.problem:
            return Refused((InputProblem(outcome.problem, outcome.message, outcome.path),))
        (change,) = await self._store.changes_by_ids([id_])
        return Waiting(id_) if change is None else Changed(change)


def _standing(
    change: IdentityChange, decisions: Decisions, versions: Sequence[RulesVersion]
) -> ChangeStanding:
    if is_about_rules(change):
        back = taken_back_by(versions, change.id)
        return ChangeStanding(back, back is None and undoable(versions, change.id))
    return ChangeStanding(
        decisions.taken_back_by(change.id), why_not_undoable(change, decisions) is None
    )


def _waiting(command: Command | None) -> IdentityChange | None:
    if isinstance(command, ChangeRules):
        return ruled(command, command.at, ChangeStatus.PENDING)
    if isinstance(command, IdentityCommand):
        return told(command, command.at, ChangeStatus.PENDING)
    return None


def _refused(refusal: Refusal) -> Refused:
    return Refused((InputProblem(refusal.code, refusal.message, refusal.path),))


def _lowered(kinds: Sequence[str] | None) -> list[str] | None:
    return None if kinds is None else [kind.lower() for kind in kinds]
