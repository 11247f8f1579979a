"""Another try with a dead letter, after what was wrong with it, or with us, was put right."""

from __future__ import annotations

import hashlib

import msgspec

from cdp.collector.clock_skew import parsed
from cdp.collector.decode import HTTP, Arrival, Batch, Outcome, read_batch, read_envelope
from cdp.collector.errors import BadEvent, CollectorError
from cdp.collector.history import event_of_history
from cdp.collector.limits import Limits
from cdp.eventlog.dead_letter import DeadLetter

_row = msgspec.json.Decoder(dict).decode
_text = msgspec.json.Decoder(str | None).decode


def replay(letter: DeadLetter, limits: Limits) -> Batch:
    """Reads a letter as if it had come when it came: its own time of arrival and source hold. What
    still cannot be taken lies in `dead` again."""
    try:
        if letter.origin == HTTP:
            return _from_the_wire(letter, limits)
        return _from_a_file(letter, limits)
    except BadEvent as bad:
        return _dead(letter, bad.reason, bad.message)
    except CollectorError as error:
        return _dead(letter, "bad_json", error.message)


def _from_the_wire(letter: DeadLetter, limits: Limits) -> Batch:
    envelope = read_envelope(letter.body)
    try:
        sent_at = parsed(_text(envelope.sent_at))
    except msgspec.DecodeError:
        sent_at = None
    arrival = Arrival(letter.source, letter.received_at, client_ip="", sent_at=sent_at)
    return read_batch(envelope, arrival, limits, size=len(letter.body))


def _from_a_file(letter: DeadLetter, limits: Limits) -> Batch:
    try:
        row = _row(letter.body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise BadEvent("bad_json", "It is no JSON object in UTF-8.") from None
    named = hashlib.sha256(letter.origin.encode("utf-8", "replace") + b"\n" + letter.body)
    event = event_of_history(
        row,
        source=letter.source,
        received_at=letter.received_at,
        fallback_message_id=named.hexdigest(),
        limits=limits,
    )
    return Batch(letter.source, [event], [], [Outcome(0, event.message_id, "accepted")])


def _dead(letter: DeadLetter, reason: str, message: str) -> Batch:
    again = msgspec.structs.replace(letter, reason=reason, message=message)
    return Batch(letter.source, [], [again], [Outcome(0, None, "rejected", reason)])
