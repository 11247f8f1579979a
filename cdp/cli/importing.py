"""`cdp import` and `cdp dead-letters`: files, and what could not be taken, into the log."""

from __future__ import annotations

import asyncio
import json
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
from cdp.imports import read
from cdp.settings import Settings
from graph_schema.model.command import PutItems
from graph_schema.model.event import Event
from graph_schema.model.item import Item
from graph_schema.model.time import now
from identity.money import currency, micros

CHUNK = 1_000
SOURCE = "import"


class Summary(msgspec.Struct):
    """`duplicate`: taken, but in the graph already; known once the log is applied."""

    taken: int = 0
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

    async def run() -> tuple[Summary, int]:
        async with opened(build(settings)) as parts:
            before = (await parts.store.totals()).events
            summary = Summary()
            for file in files:
                await import_file(parts, file, summary, form=form, mapping=mapping)
            return summary, before

    summary, _ = asyncio.run(run())
    if as_json:
        out.print_json(data=msgspec.to_builtins(summary))
    else:
        out.print(f"taken {summary.taken}, items {summary.items}, dead letters {summary.dead}")
        out.print("The worker applies them; an event that is in the graph already changes nothing.")
    return 0


async def import_file(
    parts: Parts, file: Path, summary: Summary, *, form: str, mapping: dict[str, str]
) -> None:
    """Reads a file into the log, in bounded memory."""
    events: list[Event] = []
    dead: list[DeadLetter] = []
    items: list[Item] = []
    moment = now()
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
            await _append(parts, events, dead, items, summary)
    await _append(parts, events, dead, items, summary)


def _taken(row: Any, file: Path, moment: int) -> Event | DeadLetter:
    reason, message = "bad_row", row.problem
    if row.call is not None:
        try:
            return event_of_history(
                row.call, source=SOURCE, received_at=moment, fallback_message_id=row.fallback_id
            )
        except BadEvent as bad:
            reason, message = bad.reason, bad.message
    body = json.dumps(row.call, default=str).encode() if row.call is not None else b"{}"
    return DeadLetter(reason, message or "", SOURCE, moment, f"{file.name}:{row.line}", body)


async def _append(
    parts: Parts,
    events: list[Event],
    dead: list[DeadLetter],
    items: list[Item],
    summary: Summary,
) -> None:
    if events or dead:
        await parts.log.append(list(map(parts.recorder.record_of, events)), dead)
    if items:
        command = PutItems(id=f"m_{uuid.uuid4().hex}", actor=SOURCE, at=now(), items=tuple(items))
        await parts.commands.append([command])
    summary.taken += len(events)
    summary.dead += len(dead)
    summary.items += len(items)
    events.clear()
    dead.clear()
    items.clear()


def _item(row: dict[str, Any], moment: int) -> Item:
    """An item line; what has a wrong type is as if it were absent."""

    def text(name: str) -> str | None:
        value = row.get(name)
        return value if isinstance(value, str) and value else None

    attributes = row.get("attributes")
    return Item(
        id=str(row.get("id")),
        updated_at=moment,
        name=text("name"),
        category=text("category"),
        brand=text("brand"),
        price=micros(row.get("price")),
        currency=currency(row.get("currency")),
        url=text("url"),
        image_url=text("imageUrl"),
        available=row.get("available") is not False,
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
    """Tries the collector's dead letters again; those that can be taken now leave the store. Exit 1
    where one still cannot."""

    async def run() -> tuple[int, int]:
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
            return taken, kept

    taken, kept = asyncio.run(run())
    err.print(f"taken {taken}, still dead {kept}")
    return 1 if kept else 0
