"""What a command about profiles would bring about: the same functions, and nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from graph_schema.knowledge import EARLIEST
from graph_schema.model.change import ChangePart, IdentityChange
from graph_schema.model.command import IdentityCommand, UndoChange
from graph_schema.model.identifier import Key
from graph_schema.model.profile import ProfileIds
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import Micros
from graph_schema.store import GraphReading
from identity.deciding import Refusal, change_of, decide, facing
from identity.decisions import Decisions
from identity.driving import Driver
from identity.local import absorb
from identity.region import Region
from identity.sessions import owner_of


async def rehearse(
    store: GraphReading,
    command: IdentityCommand,
    rules: IdentityRules,
    ids: ProfileIds,
    now: Micros,
) -> IdentityChange | Refusal:
    """The change as it would be told, were the command applied to what the graph holds."""
    undone = None
    if isinstance(command, UndoChange):
        (undone,) = await store.changes_by_ids([command.change])
    decisions = Decisions(await store.decisions(EARLIEST))
    decided = decide(command, now, decisions, undone)
    if isinstance(decided, Refusal):
        return decided
    region = Region(rules, decisions)
    difference = await Driver(region, store).run(absorb(region, (), (), decided))
    moving = await _moving(store, facing(decided, region.decisions), region.decisions)
    told_of = {*difference.before, *difference.after}
    beside = await _holding(store, moving, {ids.of(anchor) for anchor in told_of})
    return change_of(command, now, difference, beside, ids)


async def _moving(
    store: GraphReading, pairs: Collection[tuple[Key, Key]], decisions: Decisions
) -> set[Key]:
    """The owners that would lose or gain sessions."""
    devices, users = {device for device, _ in pairs}, {user for _, user in pairs}
    found: set[Key] = set()
    for session in await store.sessions_between(sorted(devices), sorted(users)):
        apart = session.user is not None and decisions.parts(session.device, session.user)
        owner = owner_of(session.device, session.user, apart)
        if owner != session.owner:
            found.update(key for key in (owner, session.owner) if key is not None)
    return found


async def _holding(
    store: GraphReading, keys: Iterable[Key], told_of: set[str]
) -> tuple[ChangePart, ...]:
    held: dict[str, list[Key]] = {}
    for member in (await store.clusters(sorted(keys))).members:
        if member.profile is not None and member.profile not in told_of:
            held.setdefault(member.profile, []).append(member.key)
    return tuple(ChangePart(id_, tuple(sorted(members))) for id_, members in sorted(held.items()))
