"""Log against graph: every record is where it must be, and the graph holds nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from cdp.eventlog.protocol import EventLog
from cdp.pipeline.check.findings import COMMANDS, DEAD_LETTERS, EVENTS, Findings, Invariant
from cdp.pipeline.check.reading import SESSIONS_AT_ONCE, event_pages
from cdp.pipeline.prepare import Prepared, prepare
from graph_schema.model.command import Command
from graph_schema.model.record import LogRecord, RecordKind
from graph_schema.store import Checkpoint, DeadRecord, GraphStore
from graph_schema.walking import Recorded
from identity.normalise import Normaliser

CHUNK, CHUNK_BYTES = 500, 4 << 20
UNDECODABLE, FAILED, REUSED = "undecodable", "apply_failed", "message_id_reused"
_command = msgspec.json.Decoder(Command).decode


class RecordWalk:
    """Reads the log up to where it is applied. `stored` counts the events whose record was met."""

    def __init__(
        self, log: EventLog, store: GraphStore, normaliser: Normaliser, findings: Findings
    ) -> None:
        self._log = log
        self._store = store
        self._normaliser = normaliser
        self._findings = findings
        self.records = self.stored = self.buried = self.erased = 0

    async def take(self, checkpoint: Checkpoint, progress: Callable[[float], None]) -> None:
        """One partition of the log."""
        partition, end = checkpoint.partition, checkpoint.position
        letters = self._letters(partition)
        letter = await anext(letters, None)
        after = 0
        while after < end:
            records = await self._log.read(partition, after, CHUNK, CHUNK_BYTES)
            records = [record for record in records if record.position <= end]
            if not records:
                self._findings.broken(EVENTS, f"record {partition}/{after + 1} is not in the log")
                break
            self._without_gap(records, after)
            after = records[-1].position
            dead: dict[int, DeadRecord] = {}
            while letter is not None and letter.position <= after:
                dead[letter.position] = letter
                letter = await anext(letters, None)
            await self._chunk(records, dead)
            progress(after / end)
        while letter is not None:
            self._lost_letter(letter)
            letter = await anext(letters, None)

    async def _letters(self, partition: int) -> AsyncIterator[DeadRecord]:
        after = (partition, 0)
        while True:
            found = await self._store.dead_records(after, CHUNK)
            for letter in found:
                if letter.partition != partition:
                    return
                yield letter
            if len(found) < CHUNK:
                return
            after = (found[-1].partition, found[-1].position)

    def _without_gap(self, records: Sequence[LogRecord], after: int) -> None:
        for record in records:
            after += 1
            if record.position != after:
                where = f"{record.partition}/{after}"
                self._findings.broken(EVENTS, f"record {where} is not in the log")
                after = record.position

    async def _chunk(self, records: list[LogRecord], dead: dict[int, DeadRecord]) -> None:
        self.records += len(records)
        self.buried += len(dead)
        commands = [record for record in records if record.kind is RecordKind.COMMAND]
        await self._commands([r for r in commands if r.body is not None], dead)
        events = [record for record in records if record.kind is RecordKind.EVENT]
        self.erased += sum(record.body is None for record in events)
        await self._events([record for record in events if record.body is not None], dead)
        known = {record.position for record in records}
        for position, letter in dead.items():
            self._findings.walked(DEAD_LETTERS)
            if position not in known:
                self._lost_letter(letter)

    def _lost_letter(self, letter: DeadRecord) -> None:
        where = f"{letter.partition}/{letter.position}"
        self._findings.broken(DEAD_LETTERS, f"dead letter {where} is of no record that was applied")

    async def strangers(self) -> None:
        """Names the events of the graph that no record says: asked where the count is too large."""
        async for walked in self._store.walk_sessions(SESSIONS_AT_ONCE):
            ids = [one.session.id for one in walked]
            async for events in event_pages(self._store, ids):
                mids = [stored.event.message_id for stored in events]
                for mid, stored in zip(mids, await self._store.recorded(mids), strict=True):
                    if stored is not None and not await self._is_logged(stored):
                        self._findings.broken(EVENTS, f"event {mid} of the graph is in no record")

    async def _is_logged(self, stored: Recorded) -> bool:
        if stored.partition not in await self._log.tails():
            return False
        found = await self._log.read(stored.partition, stored.position - 1, 1, CHUNK_BYTES)
        if not found or found[0].kind is not RecordKind.EVENT or found[0].body is None:
            return False
        try:
            mid = prepare(found[0], self._normaliser).event.message_id
        except msgspec.DecodeError:
            return False
        return mid == stored.event.message_id

    # ── commands ───────────────────────────────────────────────────────────────────────────────

    async def _commands(self, records: list[LogRecord], dead: dict[int, DeadRecord]) -> None:
        ids: dict[int, str] = {}
        for record in records:
            try:
                ids[record.position] = _command(record.body or b"").id
            except msgspec.DecodeError:
                self._expect(record, dead, UNDECODABLE, COMMANDS)
        outcomes = dict(
            zip(ids, await self._store.outcomes(list(ids.values())), strict=True) if ids else ()
        )
        self._findings.walked(COMMANDS, len(records))
        for record in records:
            if record.position in ids and outcomes[record.position] is None:
                self._expect(record, dead, FAILED, COMMANDS)

    # ── events ─────────────────────────────────────────────────────────────────────────────────

    async def _events(self, records: list[LogRecord], dead: dict[int, DeadRecord]) -> None:
        self._findings.walked(EVENTS, len(records))
        prepared: list[tuple[LogRecord, Prepared]] = []
        for record in records:
            try:
                prepared.append((record, prepare(record, self._normaliser)))
            except msgspec.DecodeError:
                self._expect(record, dead, UNDECODABLE, EVENTS)
        mids = [item.event.message_id for _, item in prepared]
        found = await self._store.recorded(mids)
        for (record, item), stored in zip(prepared, found, strict=True):
            self._event(record, item, stored, dead)

    def _event(
        self,
        record: LogRecord,
        item: Prepared,
        stored: Recorded | None,
        dead: dict[int, DeadRecord],
    ) -> None:
        mid, position = item.event.message_id, record.position
        if stored is None:
            self._expect(record, dead, FAILED, EVENTS, mid)
        elif (stored.partition, stored.position) == (record.partition, position):
            self.stored += 1
            if position in dead:
                self._findings.broken(
                    DEAD_LETTERS, f"event {mid} is in the graph and among the dead letters"
                )
            if _other(stored, item):
                self._findings.broken(EVENTS, f"event {mid} is not as record {position} has it")
        elif stored.digest != item.digest:
            self._expect(record, dead, REUSED, EVENTS, mid)
        elif position in dead and dead[position].reason != FAILED:
            self._wrong(record, dead[position], "it is a duplicate of an event in the graph")

    def _expect(
        self,
        record: LogRecord,
        dead: dict[int, DeadRecord],
        reason: str,
        invariant: Invariant,
        mid: str = "",
    ) -> None:
        """The record must be among the dead letters, for that reason. Whatever it holds, the worker
        may have failed with it: why, only another try tells."""
        letter = dead.get(record.position)
        if letter is None:
            where = f"record {record.partition}/{record.position}"
            named = f"event {mid} ({where})" if mid else where
            self._findings.broken(
                invariant,
                f"{named} is neither in the graph nor among the dead letters",
            )
        elif letter.reason not in (reason, FAILED):
            self._wrong(record, letter, f"what is found is {reason}")

    def _wrong(self, record: LogRecord, letter: DeadRecord, found: str) -> None:
        where = f"{record.partition}/{record.position}"
        self._findings.broken(DEAD_LETTERS, f"dead letter {where} says {letter.reason}; {found}")


def _other(stored: Recorded, item: Prepared) -> bool:
    """Whether what is stored is not what the record says."""
    return (stored.event, stored.rec, stored.device, stored.user, stored.digest) != (
        item.event, item.rec, item.names.device, item.names.user, item.digest,
    )  # fmt: skip
