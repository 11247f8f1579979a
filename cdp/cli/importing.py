"""`cdp import` and `cdp dead-letters`: files, and what could not be taken, into the log."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from cdp.bootstrap import Parts, build, opened
from cdp.cli.console import err, out
from cdp.collector.errors import BadEvent
from cdp.collector.history import event_of_history
from cdp.collector.limits import Limits
from cdp.collector.replay import replay
from cdp.eventlog.dead_letter import DeadLetter
from cdp.eventlog.protocol import EventLog
from cdp.imports import read
from cdp.settings import Settings
from graph_schema.errors import BadInput
from graph_schema.model.command import Outcome, PutItems, ReplayRecord
from graph_schema.model.event import Event
from graph_schema.model.item import Item
from graph_schema.model.time import now
from identity.money import currency, micros

CHUNK = 1_000
WAIT_S = 5.0
AGAIN = ("undecodable", "apply_failed")
SOURCE = "import"


class Summary(msgspec.Struct):
    """`duplicate`: events whose messageId was in the graph already when they were read, so that they
    change nothing; the others are `taken`. `dead`: rows that are dead letters, now or since before."""

    taken: int = 0
    duplicate: int = 0
    items: int = 0
    dead: int = 0


def import_files(
    settings: Settings,
    files: Sequence[Path],
    *,
    form: str,
    mapping: dict[str, str],
    as_json: bool,
) -> int:
    """Exit 0; a bad row is a dead letter and no failure."""

    for file in files:
        if not file.is_file():
            raise BadInput(reason=f"{file} is no file. Nothing was imported.")

    async def run() -> Summary:
        async with opened(build(settings)) as parts:
            summary = Summary()
            for file in files:
                await import_file(parts, file, summary, form=form, mapping=mapping)
            return summary

    summary = asyncio.run(run())
    if as_json:
        out.print_json(data=msgspec.to_builtins(summary))
    else:
        out.print(
            f"taken {summary.taken}, duplicate {summary.duplicate}, items {summary.items},"
            f" dead letters {summary.dead}"
        )
        if summary.taken or summary.items:
            out.print(
                "The worker applies them; an event that is in the graph already changes nothing."
            )
        if summary.dead:
            out.print("`cdp dead-letters list` says what is wrong with a row that was not taken.")
    return 0


async def import_file(
    parts: Parts, file: Path, summary: Summary, *, form: str, mapping: dict[str, str]
) -> None:
    """Reads a file into the log, in bounded memory."""
    events: list[Event] = []
    dead: list[DeadLetter] = []
    items: list[Item] = []
    letters = _Letters(parts.log)
    moment = now()
    try:
        for row in read(file, form=form, mapping=mapping):
            if row.item is not None:
                items.append(_item(row.item, moment))
            else:
                taken = _taken(row, file, moment)
                if isinstance(taken, Event):
                    events.append(taken)
                else:
                    dead.append(taken)
            if len(events) + len(dead) + len(items) >= CHUNK:
                await _append(parts, letters, events, dead, items, summary)
    finally:
        # Of a file that ends amid a row, what stands before that is taken too.
        await _append(parts, letters, events, dead, items, summary)


def _taken(row: Any, file: Path, moment: int) -> Event | DeadLetter:
    reason, message = "bad_row", row.problem
    if row.call is not None:
        try:
            return event_of_history(
                row.call, source=SOURCE, received_at=moment, fallback_message_id=row.fallback_id
            )
        except BadEvent as bad:
            reason, message = bad.reason, bad.message
    body = row.text
    if row.call is not None:
        # Under the id that the file gives it, it is the same event replayed and imported again.
        named = row.call if row.call.get("messageId") else row.call | {"messageId": row.fallback_id}
        body = json.dumps(named, default=str).encode()
    return DeadLetter(reason, message or "", SOURCE, moment, f"{file.name}:{row.line}", body)


async def _append(
    parts: Parts,
    letters: _Letters,
    events: list[Event],
    dead: list[DeadLetter],
    items: list[Item],
    summary: Summary,
) -> None:
    ids = [event.message_id for event in events]
    known = sum(found is not None for found in await parts.store.events_by_ids(ids)) if ids else 0
    new = await letters.new(dead)
    if events or new:
        await parts.log.append(list(map(parts.recorder.record_of, events)), new)
    if items:
        command = PutItems(id=f"m_{uuid.uuid4().hex}", actor=SOURCE, at=now(), items=tuple(items))
        await parts.commands.append([command])
    summary.taken += len(events) - known
    summary.duplicate += known
    summary.dead += len(dead)
    summary.items += len(items)
    events.clear()
    dead.clear()
    items.clear()


class _Letters:
    """The dead letters that are there: the same row of the same file leaves no second one."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._there: set[bytes] | None = None

    async def new(self, dead: Sequence[DeadLetter]) -> list[DeadLetter]:
        if dead and self._there is None:
            self._there = await self._read()
        return [letter for letter in dead if _digest(letter) not in (self._there or ())]

    async def _read(self) -> set[bytes]:
        there: set[bytes] = set()
        after = 0
        while letters := await self._log.dead_letters(after, CHUNK):
            there.update(_digest(letter) for _, letter in letters)
            after = letters[-1][0]
        return there


def _digest(letter: DeadLetter) -> bytes:
    said = "\0".join((letter.origin, letter.reason, letter.message)).encode("utf-8", "replace")
    return hashlib.blake2b(said + b"\0" + letter.body, digest_size=16).digest()


def _item(row: dict[str, Any], moment: int) -> Item:
    """An item line; what has a wrong type is as if it were absent."""

    def text(name: str) -> str | None:
        value = row.get(name)
        return value if isinstance(value, str) and value else None

    attributes, price = row.get("attributes"), micros(row.get("price"))
    return Item(
        id=str(row.get("id")),
        updated_at=moment,
        name=text("name"),
        category=text("category"),
        brand=text("brand"),
        price=price if price is not None and price >= 0 else None,
        currency=currency(row.get("currency")),
        url=text("url"),
        image_url=text("imageUrl"),
        available=row.get("available") not in (False, "false", "False", "FALSE", "0"),
        attributes=attributes if isinstance(attributes, dict) else {},
    )


def list_dead(settings: Settings, *, as_json: bool) -> int:
    """Exit 0; the bodies are not printed: they may hold anything."""

    async def run() -> list[dict[str, Any]]:
        async with opened(build(settings)) as parts:
            letters = await parts.log.dead_letters(0, 100_000)
            records = await parts.store.dead_records((0, 0), 100_000)
            return [
                {
                    "id": id_,
                    "from": letter.origin,
                    "reason": letter.reason,
                    "message": letter.message,
                }
                for id_, letter in letters
            ] + [
                {"from": f"log:{r.position}", "reason": r.reason, "message": r.message}
                for r in records
            ]

    found = asyncio.run(run())
    if as_json:
        out.print_json(data=found)
    elif not found:
        out.print("There are no dead letters.")
    else:
        for entry in found:
            out.print(f"{entry['from']}: {entry['reason']}: {entry['message']}")
    return 0


def replay_dead(settings: Settings) -> int:
    """Tries the collector's dead letters again, and has the worker try the records that it could not
    apply; what can be taken now leaves the dead letters. Exit 1 where something still cannot."""

    async def run() -> tuple[int, int, int]:
        async with opened(build(settings)) as parts:
            taken = kept = 0
            for id_, letter in await parts.log.dead_letters(0, 100_000):
                batch = replay(letter, Limits())
                if batch.dead:
                    kept += 1
                    continue
                await parts.log.append(list(map(parts.recorder.record_of, batch.events)))
                await parts.log.forget([id_])
                taken += 1
            outcomes = await _tried_again(parts)
            applied = sum(outcome is not None and not outcome.problem for outcome in outcomes)
            waiting = sum(outcome is None for outcome in outcomes)
            return taken + applied, kept + len(outcomes) - applied - waiting, waiting

    taken, kept, waiting = asyncio.run(run())
    later = f", waiting for the worker {waiting}" if waiting else ""
    err.print(f"taken {taken}, still dead {kept}{later}")
    return 1 if kept else 0


async def _tried_again(parts: Parts) -> list[Outcome | None]:
    """Asks for another try with each record that failed, and waits a while for what comes of it. A
    message id that another event has stays taken."""
    dead = [one for one in await parts.store.dead_records((0, 0), 100_000) if one.reason in AGAIN]
    commands = [
        ReplayRecord(
            id=f"m_{uuid.uuid4().hex}", actor=SOURCE, at=now(),
            partition=one.partition, position=one.position,
        )
        for one in dead
    ]  # fmt: skip
    await parts.commands.append(commands)
    until = time.monotonic() + WAIT_S
    ids = [command.id for command in commands]
    outcomes = await parts.store.outcomes(ids)
    while None in outcomes and time.monotonic() < until:
        await asyncio.sleep(0.05)
        outcomes = await parts.store.outcomes(ids)
    return outcomes
