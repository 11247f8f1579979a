"""What an event says about which identifiers belong together."""

from __future__ import annotations

from typing import Protocol

from graph_schema.model.evidence import EvidenceKind, Seen
from graph_schema.model.identifier import Key
from graph_schema.model.time import HALF_HOUR, Micros
from identity.normalise import Names


class Dated(Protocol):
    """What evidence needs of an event besides its names."""

    @property
    def at(self) -> Micros: ...
    @property
    def message_id(self) -> str: ...


def star(event: Dated, names: Names, rec: Micros = 0) -> tuple[Seen, ...]:
    """Evidence of an event is a star: its highest-ranked unblocked identifier with each other one; and
    each of them with its canonical form, where a rule gives it one."""
    usable = [name for name in names.all if not name.blocked]
    said = [
        (usable[0].key, other.key, _kind(other.key, names)) for other in usable[1:]
    ] + [
        (name.key, name.form.key, EvidenceKind.EQUIVALENT)
        for name in usable
        if name.form is not None
    ]  # fmt: skip
    half_hour = event.at // HALF_HOUR
    return tuple(
        Seen(min(one, other), max(one, other), kind, half_hour, event.at, event.message_id, rec)
        for one, other, kind in said
    )


def _kind(other: Key, names: Names) -> EvidenceKind:
    return EvidenceKind.ALIAS if other == names.previous else EvidenceKind.LOGIN
