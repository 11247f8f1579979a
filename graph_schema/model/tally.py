"""What a session, or a profile over its sessions, adds up to.

A `Tally` is an element of a commutative monoid: `identity.fold.merge` is associative, commutative
and has the empty tally as its unit, so a profile is the same whatever the order in which its
sessions came (identity.md, "Folding"). Nothing in it is a float.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from graph_schema.model.identifier import Key
from graph_schema.model.time import Micros

Moment: TypeAlias = tuple[Micros, str]
"""(event time, message id): the order of everything that is "newest" or "first"."""


class NameTally(msgspec.Struct, array_like=True):
    count: int
    first_at: Micros
    last_at: Micros


class TraitFact(msgspec.Struct, array_like=True, frozen=True):
    """The newest statement about a trait; `value` None means removed. `identifier` is the owner of
    the session in which it was made: empty in a session's own tally, which its owner is told of, and
    filled in where the session is folded into a profile."""

    at: Micros
    mid: str
    value: Any
    identifier: Key = ""


class OrderFact(msgspec.Struct, array_like=True, frozen=True):
    """The newest of Completed, Updated and Cancelled of one order. `micros` is 0 once cancelled."""

    at: Micros
    mid: str
    micros: int
    currency: str
    cancelled: bool


class RefundFact(msgspec.Struct, array_like=True, frozen=True):
    """`micros` is None where the whole order was refunded."""

    order_id: str
    micros: int | None
    currency: str


class TouchFact(msgspec.Struct, array_like=True, frozen=True):
    at: Micros
    mid: str
    source: str | None
    medium: str | None
    campaign: str | None
    referrer: str | None


class ConsentFact(msgspec.Struct, array_like=True, frozen=True):
    """`logged_in`: stated in a session that names a user. This and `identifier`, the session's owner,
    are filled in where the session is folded into a profile."""

    at: Micros
    mid: str
    granted: bool
    logged_in: bool = False
    identifier: Key = ""


class Tally(msgspec.Struct, omit_defaults=True):
    """`days` are days since 1970 with an event; `refunds` are keyed by message id, `orders` by order
    id, `names` by event name, `traits` by trait, `consent` by category."""

    events: int = 0
    first: Moment | None = None
    last: Moment | None = None
    days: set[int] = msgspec.field(default_factory=set)
    names: dict[str, NameTally] = msgspec.field(default_factory=dict)
    traits: dict[str, TraitFact] = msgspec.field(default_factory=dict)
    orders: dict[str, OrderFact] = msgspec.field(default_factory=dict)
    refunds: dict[str, RefundFact] = msgspec.field(default_factory=dict)
    first_touch: TouchFact | None = None
    last_touch: TouchFact | None = None
    consent: dict[str, list[ConsentFact]] = msgspec.field(default_factory=dict)
