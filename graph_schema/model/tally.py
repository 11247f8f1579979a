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
    """The newest statement about a trait; `value` None means removed: kept, so that an older value
    that comes later does not return. `identifier` is the owner of the session in which it was made:
    empty in a session's own tally, filled in where the session is folded into a profile."""

    at: Micros
    mid: str
    value: Any
    identifier: Key = ""


class OrderFact(msgspec.Struct, array_like=True, frozen=True):
    """What the statements about one order add up to.

    `amount` is the newest one that a Completed or Updated states, (at, mid, micros); `currency` the
    newest one that any of its events states, (at, mid, code). `completed`, `cancelled` and `itemised`
    (completed by an event that names products) hold once any event has said so.
    """

    amount: tuple[Micros, str, int] | None = None
    currency: tuple[Micros, str, str] | None = None
    completed: bool = False
    cancelled: bool = False
    itemised: bool = False


class RefundFact(msgspec.Struct, array_like=True, frozen=True):
    """`micros` is None where the whole order was refunded, `currency` None where it is the order's."""

    order_id: str
    micros: int | None
    currency: str | None


class TouchFact(msgspec.Struct, array_like=True, frozen=True):
    """An event that says where its person came from. `campaign` is the campaign's name, `referrer`
    the address of a page on another site."""

    at: Micros
    mid: str
    source: str | None
    medium: str | None
    campaign: str | None
    referrer: str | None


class ConsentFact(msgspec.Struct, array_like=True, frozen=True):
    """`logged_in`: stated in a session that belongs to the user whom it names. This and `identifier`,
    the session's owner, are filled in where the session is folded into a profile."""

    at: Micros
    mid: str
    granted: bool
    logged_in: bool = False
    identifier: Key = ""


class Tally(msgspec.Struct, omit_defaults=True):
    """`days` are days since 1970 (UTC) with an event; `refunds` are keyed by message id, `orders` by
    order id, `names` by event name, `traits` by trait, `consent` by category. `consent` keeps only
    statements that can still win: those equal in standing and time to the strongest."""

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
    consent: dict[str, tuple[ConsentFact, ...]] = msgspec.field(default_factory=dict)
