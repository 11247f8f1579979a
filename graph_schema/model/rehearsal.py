"""What other rules would make of the stored evidence."""

from __future__ import annotations

import msgspec

from graph_schema.model.change import ChangeKind, ChangePart
from graph_schema.model.evidence import RefusalRule


class RehearsedChange(msgspec.Struct, frozen=True):
    """Profiles that would become other profiles. `rule`: what keeps apart what is together now; None
    where nothing is taken apart, or the evidence is no longer counted."""

    kind: ChangeKind
    before: tuple[ChangePart, ...]
    after: tuple[ChangePart, ...]
    rule: RefusalRule | None = None


class Rehearsal(msgspec.Struct, frozen=True):
    """`merges`, `splits` and `moves` count changes, each of which may concern several profiles;
    `examples` are the largest of them."""

    profiles_before: int
    profiles_after: int
    merges: int
    splits: int
    moves: int
    examples: tuple[RehearsedChange, ...]
