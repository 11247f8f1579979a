"""Applying a command: what a person, or an import, asked of the graph. The worker decides, and stores
the outcome, in the transaction that applies it."""

from __future__ import annotations

import msgspec

from cdp.pipeline.catalogue import touched
from cdp.pipeline.decisions import apply_decision
from cdp.pipeline.in_force import InForce
from cdp.pipeline.rules import apply_rules
from cdp.segments.errors import BadRule, RuleProblem
from cdp.segments.index import check_uses, users_of
from cdp.segments.parse import key_problem, parse
from cdp.segments.write import to_json
from graph_schema.model.command import (
    ArchiveSegment,
    CatalogueCommand,
    ChangeRules,
    Command,
    CreateSegment,
    IdentityCommand,
    Outcome,
    PutItems,
    ReplayRecord,
    UpdateSegment,
)
from graph_schema.model.item import Item
from graph_schema.model.record import LogRecord
from graph_schema.model.segment import Segment, SegmentStatus, SegmentVersion
from graph_schema.model.time import Micros
from graph_schema.store import Batch, Checkpoint, Delta, GraphWriting

_command = msgspec.json.Decoder(Command).decode


class CommandApplier:
    """Applies commands, each in a transaction of its own."""

    def __init__(self, store: GraphWriting, in_force: InForce) -> None:
        self._store = store
        self._in_force = in_force

    async def apply(self, record: LogRecord, checkpoint: Checkpoint) -> Checkpoint:
        """Raises msgspec.DecodeError where the record's body is no command."""
        command = _command(record.body or b"")
        ruled = None
        async with self._store.batch(checkpoint) as batch:
            if await batch.outcome(command.id) is None:
                if isinstance(command, ReplayRecord):
                    raise TypeError("a replay is applied by Replaying")
                if isinstance(command, ChangeRules):
                    ruled = await apply_rules(batch, self._in_force, command, record.at)
                elif isinstance(command, IdentityCommand):
                    ruled = await apply_decision(batch, self._in_force, command, record.at)
                else:
                    await self._apply(batch, command, record.at)
            await batch.advance(record.position, record.at)
        self._in_force.forget_segments()
        if ruled is not None:
            self._in_force.adopt(ruled)
        return batch.checkpoint

    async def _apply(self, batch: Batch, command: CatalogueCommand, rec: Micros) -> None:
        delta = Delta(rec=rec)
        problem = await self._decide(batch, command, delta)
        if problem is not None:
            delta = Delta(rec=rec)
        delta.outcomes.append(_outcome(command.id, rec, problem))
        await batch.write(delta)

    async def _decide(
        self, batch: Batch, command: CatalogueCommand, delta: Delta
    ) -> RuleProblem | None:
        """Fills the delta; answers why the command has no effect where it has none."""
        match command:
            case PutItems(items=items):
                await _put_newer(batch, items, delta)
                return None
            case CreateSegment():
                return _create(await batch.segment_states(), command, delta)
            case UpdateSegment():
                return _update(await batch.segment_states(), command, delta)
            case ArchiveSegment():
                return _archive(await batch.segment_states(), command, delta)


def _outcome(id_: str, at: Micros, problem: RuleProblem | None) -> Outcome:
    if problem is None:
        return Outcome(id_, at)
    return Outcome(id_, at, problem.code, problem.message, problem.path)


async def _put_newer(batch: Batch, items: tuple[Item, ...], delta: Delta) -> None:
    """A catalogue's statement about an item is whole: it replaces what was known, unless that is
    newer."""
    found: dict[str, tuple[Item | None, Item]] = {}
    for item, known in zip(items, await batch.items([item.id for item in items]), strict=True):
        if known is None or item.updated_at >= known.updated_at:
            found[item.id] = known, item
    delta.items = [item for _, item in found.values()]
    delta.changes += touched(found.values())


def _create(segments: list[Segment], command: CreateSegment, delta: Delta) -> RuleProblem | None:
    wrong_key = key_problem(command.key)
    if wrong_key is not None:
        return wrong_key
    known = next((segment for segment in segments if segment.key == command.key), None)
    if known is not None:
        archived = known.status is SegmentStatus.ARCHIVED
        advice = (
            ", archived: take another key." if archived else ": take another key, or update it."
        )
        message = f"There is a segment {command.key} already{advice}"
        return RuleProblem("KEY_TAKEN", message, ("key",))
    try:
        rule = parse(command.rule)
        check_uses(command.key, rule, segments)
    except BadRule as error:
        return _in_rule(error)
    version = SegmentVersion(1, to_json(rule), delta.rec, command.actor)
    delta.segments.append(
        Segment(
            key=command.key,
            name=command.name,
            status=SegmentStatus.BUILDING,
            version=1,
            rule=version.rule,
            created_at=delta.rec,
            updated_at=delta.rec,
            description=command.description,
            created_by=command.actor,
            walked="",
        )
    )
    delta.segment_versions.append((command.key, version))
    return None


def _update(segments: list[Segment], command: UpdateSegment, delta: Delta) -> RuleProblem | None:
    known = _find(segments, command.key)
    if isinstance(known, RuleProblem):
        return known
    if command.expected_version not in (None, known.version):
        message = f"Version {known.version} is current: read it, and decide again."
        return RuleProblem("VERSION_CONFLICT", message, ("expectedVersion",))
    changed = msgspec.structs.replace(
        known,
        name=command.name if command.name is not None else known.name,
        description=command.description if command.description is not None else known.description,
        updated_at=delta.rec,
    )
    if command.rule is not None:
        try:
            rule = parse(command.rule)
            check_uses(command.key, rule, segments)
        except BadRule as error:
            return _in_rule(error)
        if to_json(rule) != known.rule:
            changed = msgspec.structs.replace(
                changed,
                version=known.version + 1,
                rule=to_json(rule),
                status=SegmentStatus.BUILDING,
                walked="",
            )
            version = SegmentVersion(changed.version, changed.rule, delta.rec, command.actor)
            delta.segment_versions.append((command.key, version))
    delta.segments.append(changed)
    return None


def _archive(segments: list[Segment], command: ArchiveSegment, delta: Delta) -> RuleProblem | None:
    known = _find(segments, command.key)
    if isinstance(known, RuleProblem):
        return known
    users = users_of(command.key, segments)
    if users:
        message = f"Segment {users[0]} uses it: change or archive that one first."
        return RuleProblem("IN_USE", message, ("key",))
    # Walked like a new version: nobody holds any more, so the walk empties it.
    delta.segments.append(
        msgspec.structs.replace(
            known, status=SegmentStatus.ARCHIVED, updated_at=delta.rec, walked=""
        )
    )
    return None


def _find(segments: list[Segment], key: str) -> Segment | RuleProblem:
    for segment in segments:
        if segment.key == key and segment.status is not SegmentStatus.ARCHIVED:
            return segment
    return RuleProblem("NOT_FOUND", f"There is no segment {key}.", ("key",))


def _in_rule(error: BadRule) -> RuleProblem:
    first = error.problems[0]
    return RuleProblem(error.code, first.message, ("rule", *first.path))
