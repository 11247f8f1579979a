"""The change feed: what became different in the graph, in the order in which it did."""

from __future__ import annotations

from enum import StrEnum
from itertools import zip_longest

import msgspec

from graph_schema.model.identifier import Key
from graph_schema.model.segment import MembershipCause
from graph_schema.model.time import Micros


class ChangeKind(StrEnum):
    MERGE = "merge"
    SPLIT = "split"
    MOVE = "move"
    UNDO = "undo"
    RULES = "rules"
    ERASURE = "erasure"


class ChangePart(msgspec.Struct, frozen=True):
    profile_id: str
    identifiers: tuple[Key, ...]


class IdentityChange(msgspec.Struct, frozen=True, tag="identity"):
    """Profiles that became other profiles. `cause` is a message id or, with `by_decision`, the id of
    a decision. The change's own id is derived from the cause, so that a rebuild gives the same."""

    id: str
    kind: ChangeKind
    at: Micros
    cause: str
    before: tuple[ChangePart, ...]
    after: tuple[ChangePart, ...]
    by_decision: bool = False


class MembershipChange(msgspec.Struct, frozen=True, tag="membership"):
    segment: str
    profile_id: str
    entered: bool
    at: Micros
    cause: MembershipCause
    event: str | None = None


class ProfilesTouched(msgspec.Struct, frozen=True, tag="profiles"):
    """The profiles of one batch that are now other than they were."""

    ids: tuple[str, ...]


Change = IdentityChange | MembershipChange | ProfilesTouched


class FeedEntry(msgspec.Struct, frozen=True):
    """`seq` has no gap within its partition."""

    partition: int
    seq: int
    rec: Micros
    change: Change


def beyond(position: tuple[int, ...], entry: FeedEntry) -> tuple[int, ...]:
    """A follower's position once it has taken an entry: one seq for each partition, 0 where it has
    taken nothing of it."""
    longer = (*position, *(0,) * (entry.partition + 1 - len(position)))
    return (*longer[: entry.partition], entry.seq, *longer[entry.partition + 1 :])


def lies_behind(position: tuple[int, ...], end: tuple[int, ...]) -> bool:
    """Whether a feed that ends at `end` has more than a follower at `position` has taken."""
    return any(last > taken for taken, last in zip_longest(position, end, fillvalue=0))
