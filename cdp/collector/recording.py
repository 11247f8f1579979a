"""Events to records of the log."""

from __future__ import annotations

import msgspec

from graph_schema.model.event import Event
from graph_schema.model.record import NewRecord, RecordKind
from graph_schema.model.rules import IdentityRules
from identity.normalise import Normaliser

_encode = msgspec.json.Encoder().encode


class Recorder:
    """Makes records of events. Where there are several partitions, the events of one device are to go to
    one: the device under which identity folds them into sessions."""

    def __init__(self, rules: IdentityRules, event_partitions: int) -> None:
        self._normaliser = Normaliser(rules) if event_partitions > 1 else None

    def record_of(self, event: Event) -> NewRecord:
        return NewRecord(RecordKind.EVENT, _encode(event), self._routing(event))

    def _routing(self, event: Event) -> str:
        """The device's key. What names nobody is a session of its own, anywhere."""
        if self._normaliser is None:
            return ""
        return self._normaliser.names(event).device or event.message_id
