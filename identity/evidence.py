"""What an event says about which identifiers belong together."""

from __future__ import annotations

from typing import Protocol

from graph_schema.model.evidence import EvidenceKind, Seen
from graph_schema.model.time import HALF_HOUR, Micros
from identity.normalise import Names


class Dated(Protocol):
    """What evidence needs of an event besides its names."""

    @property
    def at(self) -> Micros: ...
    @property
    def message_id(self) -> str: ...


def star(event: Dated, names: Names, rec: Micros = 0) -> tuple[Seen, ...]:
    """Evidence of an event is a star: its highest-ranked unblocked identifier with each other one."""
    usable = [name.key for name in names.all if not name.blocked]
    if len(usable) < 2:
        return ()
    centre, half_hour = usable[0], event.at // HALF_HOUR
    return tuple(
        Seen(
            min(centre, other),
            max(centre, other),
            EvidenceKind.ALIAS if other == names.previous else EvidenceKind.LOGIN,
            half_hour,
            event.at,
            event.message_id,
            rec,
        )
        for other in usable[1:]
    )
