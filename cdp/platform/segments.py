"""Segments as the API asks for them, and the commands that change them."""

from __future__ import annotations

import uuid
from typing import Any

from api.platform import (
    CommandResult,
    Done,
    InputProblem,
    Preview,
    Refused,
    Waiting,
)
from cdp.platform.commanding import Commanding
from cdp.platform.known_segments import KnownSegments
from cdp.segments import preview as previews
from cdp.segments.errors import BadRule
from cdp.segments.index import check_uses
from cdp.segments.parse import key_problem, parse
from cdp.segments.write import to_json
from graph_schema.model.command import ArchiveSegment, Command, CreateSegment, UpdateSegment
from graph_schema.model.time import now
from graph_schema.store import GraphReading, Span

CHUNK = 200
_ID_BITS = 32


class StoredSegments(KnownSegments):
    """Implements `api.platform.SegmentCommands` on a graph store and the commands of the log."""

    def __init__(self, store: GraphReading, commands: Commanding) -> None:
        super().__init__(store, now)
        self._lists = store
        self._commands = commands

    # ── what if ───────────────────────────────────────────────────────────────────────

    async def preview(self, rule: Any, sample: int) -> Preview | Refused:
        try:
            tree = parse(rule)
            check_uses("", tree, await self._store.segments())
        except BadRule as error:
            return _refused(error)
        preview = previews.Preview(tree, now(), sample)
        after: tuple[str, ...] | None = None
        while True:
            page = await self._lists.profile_page(
                "ID", Span(CHUNK, after), segment=None, search=None
            )
            ids = [profile.id for profile in page.items]
            views = await self.views(ids, tree)
            for id_ in ids:
                if id_ in views:
                    preview.take(id_, views[id_])
            if not page.has_next:
                break
            after = (ids[-1],)
        conditions = tuple(preview.by_condition)
        return Preview(preview.count, True, tuple(preview.sample), conditions)

    # ── changing ───────────────────────────────────────────────────────────────────────────────

    async def create(
        self, *, actor: str, key: str, name: str, description: str | None, rule: Any
    ) -> CommandResult:
        rule = _canonical(rule)
        wrong_key = key_problem(key)
        if wrong_key is not None:
            in_rule = rule.problems if isinstance(rule, Refused) else ()
            first = InputProblem(wrong_key.code, wrong_key.message, wrong_key.path)
            return Refused((first, *in_rule))
        if isinstance(rule, Refused):
            return rule
        command = CreateSegment(
            id=_new_id(),
            actor=actor,
            at=now(),
            key=key,
            name=name,
            rule=rule,
            description=description,
        )
        return await self._ask(command, key)

    async def update(
        self,
        *,
        actor: str,
        key: str,
        expected_version: int | None,
        name: str | None,
        description: str | None,
        rule: Any | None,
    ) -> CommandResult:
        rule = _canonical(rule) if rule is not None else None
        if isinstance(rule, Refused):
            return rule
        command = UpdateSegment(
            id=_new_id(), actor=actor, at=now(), key=key, expected_version=expected_version,
            name=name, description=description, rule=rule,
        )  # fmt: skip
        return await self._ask(command, key)

    async def archive(self, *, actor: str, key: str) -> CommandResult:
        return await self._ask(ArchiveSegment(id=_new_id(), actor=actor, at=now(), key=key), key)

    async def _ask(self, command: Command, key: str) -> CommandResult:
        outcome = await self._commands.ask(command)
        if outcome is None:
            return Waiting(command.id)
        if outcome.problem:
            return Refused((InputProblem(outcome.problem, outcome.message, outcome.path),))
        return Done(key)


def _canonical(rule: Any) -> dict[str, Any] | Refused:
    """The rule as it is recorded; every mistake is told before anything is."""
    try:
        return to_json(parse(rule))
    except BadRule as error:
        return _refused(error)


def _refused(error: BadRule) -> Refused:
    return Refused(
        tuple(
            InputProblem(error.code, problem.message, ("rule", *problem.path))
            for problem in error.problems
        )
    )


def _new_id() -> str:
    return f"m_{uuid.uuid4().hex}"
