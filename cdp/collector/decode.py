"""From a request's bytes to events, as collector.md says."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal

import msgspec

from cdp.collector import fields
from cdp.collector.authenticate import WriteKeys
from cdp.collector.clock_skew import corrected, parsed
from cdp.collector.errors import (
    BadEvent,
    EventTooLarge,
    NestedTooDeep,
    NotABatch,
    NotJson,
    RequestTooLarge,
    TooManyEvents,
    UnknownCall,
    WrongContentEncoding,
    WrongContentType,
    WrongWriteKey,
)
from cdp.collector.inflate import inflate
from cdp.collector.limits import Limits
from cdp.collector.surrogates import whole
from cdp.eventlog.dead_letter import DeadLetter
from graph_schema.model.event import Event, EventType
from graph_schema.model.time import Micros

HTTP = "http"
"""The origin of dead letters that came over the wire."""

CALLS: dict[str, EventType] = {
    name: kind for kind in EventType for name in (kind.value, kind.value[0])
}
"""Paths of single calls behind /v1/, with the browser client's short forms."""
BATCH = frozenset({"batch", "b"})
METRICS = "m"

_CONTENT_TYPES = frozenset({"application/json", "text/plain", ""})
_NONE = msgspec.Raw(b"")


class Outcome(msgspec.Struct, frozen=True, rename="camel"):
    """What became of the event at `index`. `message_id` is None where it had none that can be read."""

    index: int
    message_id: str | None
    status: Literal["accepted", "rejected"]
    reason: str | None = None


class Batch(msgspec.Struct):
    """What a request holds. `events` are to be appended to the log, `dead` with them."""

    source: str
    events: list[Event]
    dead: list[DeadLetter]
    outcomes: list[Outcome]


class Envelope(msgspec.Struct, rename="camel"):
    """What surrounds the items of a batch, and stands in a single call; not yet read."""

    batch: msgspec.Raw = _NONE
    write_key: msgspec.Raw = _NONE
    sent_at: msgspec.Raw = _NONE
    context: msgspec.Raw = _NONE


class Arrival(msgspec.Struct, frozen=True):
    """What the server knows of a request. `sent_at` is what its client says."""

    source: str
    received_at: Micros
    client_ip: str
    sent_at: Micros | None = None


_envelope = msgspec.json.Decoder(Envelope).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_any = msgspec.json.Decoder().decode


def decode(
    body: bytes,
    *,
    path: str,
    content_type: str,
    content_encoding: str,
    authorization: str,
    received_at: Micros,
    client_ip: str,
    keys: WriteKeys,
    limits: Limits,
) -> Batch:
    """Reads one request. `path` with or without /v1/ in front; `body` as it came over the wire.

    Raises CollectorError where nothing of it can be taken. An event that cannot be taken lies in
    `dead`, and fails nothing.
    """
    call = path.removeprefix("/v1/")
    if call == METRICS:
        return Batch("", [], [], [])
    if call not in BATCH and call not in CALLS:
        raise UnknownCall
    text = _text(body, content_type, content_encoding, limits)
    envelope, text = _read_envelope(text)
    source = keys.source_of(authorization, _value(envelope.write_key))
    if source is None:
        raise WrongWriteKey
    arrival = Arrival(source, received_at, client_ip, parsed(_value(envelope.sent_at)))
    if call in BATCH:
        return read_batch(envelope, arrival, limits, size=len(text))
    if len(text) > limits.event_bytes:
        raise EventTooLarge(found=len(text), limit=limits.event_bytes)
    reading = _Reading(arrival, {}, limits)
    reading.take(text, CALLS[call], partial(_alone, text, CALLS[call]))
    return reading.batch


def read_envelope(text: bytes) -> Envelope:
    """Raises CollectorError where the text is no JSON object."""
    return _read_envelope(text)[0]


def read_batch(envelope: Envelope, arrival: Arrival, limits: Limits, size: int) -> Batch:
    """Reads the items of a batch whose sender is known. `size`: bytes of its text."""
    try:
        items = _items(envelope.batch)
    except (msgspec.DecodeError, RecursionError):
        raise NotABatch from None
    if len(items) > limits.events:
        raise TooManyEvents(found=len(items), limit=limits.events)
    shared_bytes = len(bytes(envelope.context))
    if size + shared_bytes * len(items) > limits.merged_bytes:
        raise RequestTooLarge(limit=limits.merged_bytes, what="its context with each event")
    reading = _Reading(arrival, _shared(envelope, limits), limits, shared_bytes)
    for raw in items:
        text = bytes(raw)
        reading.take(text, None, partial(_with_envelope, text, envelope))
    return reading.batch


class _Reading:
    """Reads items one after the other, and notes what became of each."""

    def __init__(
        self, arrival: Arrival, shared: dict[str, Any], limits: Limits, shared_bytes: int = 0
    ) -> None:
        self.batch = Batch(arrival.source, [], [], [])
        self._arrival = arrival
        self._shared = shared
        self._limits = limits
        self._room = limits.event_bytes - shared_bytes

    def take(self, text: bytes, kind: EventType | None, keep: Callable[[], bytes]) -> None:
        """`keep` gives the body of the dead letter where it comes to that."""
        index, message_id = len(self.batch.outcomes), None
        try:
            if len(text) > self._room:
                raise BadEvent(
                    "event_too_large", f"It has more than {self._limits.event_bytes} bytes."
                )
            item = fields.read_item(text, self._limits.nesting)
            message_id = fields.message_id_of(item) or str(uuid.uuid4())
            self.batch.events.append(self._event(item, kind, message_id))
        except BadEvent as bad:
            arrival = self._arrival
            self.batch.dead.append(
                DeadLetter(
                    bad.reason, bad.message, arrival.source, arrival.received_at, HTTP, keep()
                )
            )
            self.batch.outcomes.append(Outcome(index, message_id, "rejected", bad.reason))
        else:
            self.batch.outcomes.append(Outcome(index, message_id, "accepted"))

    def _event(self, item: fields.Item, kind: EventType | None, message_id: str) -> Event:
        arrival = self._arrival
        context = self._context(item)
        if not context.get("ip") and arrival.client_ip and not fields.from_a_server(item):
            context["ip"] = arrival.client_ip
        return fields.event_of(
            item,
            kind=kind or fields.type_of(item),
            message_id=message_id,
            source=arrival.source,
            at=self._at(item),
            received_at=arrival.received_at,
        )

    def _context(self, item: fields.Item) -> dict[str, Any]:
        """The batch's context with the item's over it, key by key; null says nothing."""
        merged = dict(self._shared)
        merged.update(_said(item.context or {}))
        item.context = merged
        return merged

    def _at(self, item: fields.Item) -> Micros:
        text = fields.client_time(item)
        if text is None:
            return self._arrival.received_at
        original = parsed(text)
        if original is None:
            raise fields.bad_timestamp()
        # The batch knows when it was sent; an item knows at most when it was put into a queue.
        sent_at = self._arrival.sent_at
        if sent_at is None:
            sent_at = parsed(item.sent_at)
        return corrected(original, sent_at, self._arrival.received_at)


def _shared(envelope: Envelope, limits: Limits) -> dict[str, Any]:
    """The context of all items; one that is no object says nothing."""
    context = _value(envelope.context)
    if not fields.flat_enough(bytes(envelope.context), [context], limits.nesting):
        raise NestedTooDeep
    return context if isinstance(context, dict) else {}


def _said(context: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in context.items() if value is not None)


def _text(body: bytes, content_type: str, content_encoding: str, limits: Limits) -> bytes:
    if content_type.partition(";")[0].strip().lower() not in _CONTENT_TYPES:
        raise WrongContentType
    if len(body) > limits.request_bytes:
        raise RequestTooLarge(limit=limits.request_bytes, what="as sent")
    encoding = content_encoding.strip().lower()
    if encoding == "gzip":
        return inflate(body, limits.request_bytes)
    if encoding not in ("", "identity"):
        raise WrongContentEncoding
    return body


def _read_envelope(text: bytes) -> tuple[Envelope, bytes]:
    """Also the text, which is another one where it had half characters."""
    try:
        try:
            return _envelope(text), text
        except msgspec.DecodeError:
            text = whole(text)
            return _envelope(text), text
    except RecursionError:
        raise NestedTooDeep from None
    except (msgspec.DecodeError, ValueError):
        raise NotJson from None


def _value(raw: msgspec.Raw) -> Any:
    """None where it is absent or cannot be read."""
    try:
        return _any(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _with_envelope(item: bytes, envelope: Envelope) -> bytes:
    """A batch of one with what it shared, so that it can be taken again; without the write key."""
    shared = b"".join(
        b',"%s":%s' % (name, bytes(raw))
        for name, raw in ((b"context", envelope.context), (b"sentAt", envelope.sent_at))
        if bytes(raw)
    )
    return b'{"batch":[%s]%s}' % (item, shared)


def _alone(text: bytes, kind: EventType) -> bytes:
    """A single call as a batch of one: with the type that its path gave, without the write key. As it
    came where it cannot be read."""
    call = _value(msgspec.Raw(text))
    if isinstance(call, dict):
        call.pop("writeKey", None)
        text = msgspec.json.encode(call | {"type": kind.value})
    return b'{"batch":[%s]}' % text
