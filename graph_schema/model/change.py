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


class ChangeStatus(StrEnum):
    """`WITHOUT_EFFECT`: the decision was recorded and changed no profile."""

    PENDING = "pending"
    APPLIED = "applied"
    WITHOUT_EFFECT = "without_effect"
    REFUSED = "refused"


class CausedBy(StrEnum):
    """What the `cause` of a change names: a message id, a decision's id, a version of the rules."""

    EVENT = "event"
    DECISION = "decision"
    RULES = "rules"


class ChangePart(msgspec.Struct, frozen=True):
    profile_id: str
    identifiers: tuple[Key, ...]


class IdentityChange(msgspec.Struct, frozen=True, tag="identity"):
    """Profiles that became other profiles, or a person's command that was to bring that about.

    The id of a change made by evidence is derived from its cause, so that a rebuild gives the same;
    that of a command is the command's own. `undoes` is the id of the change that an undoing takes
    back. Stored changes are never PENDING: that one still lies in the log.
    """

    id: str
    kind: ChangeKind
    at: Micros
    cause: str
    before: tuple[ChangePart, ...]
    after: tuple[ChangePart, ...]
    by: CausedBy = CausedBy.EVENT
    status: ChangeStatus = ChangeStatus.APPLIED
    undoes: str | None = None


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


class ItemsTouched(msgspec.Struct, frozen=True, tag="items"):
    """The items of one batch that are now other than they were. A newer statement that says the same
    is none."""

    ids: tuple[str, ...]


Change = IdentityChange | MembershipChange | ProfilesTouched | ItemsTouched


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
