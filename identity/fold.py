"""Folding events into sessions, and sessions into profiles (identity.md, "Folding"; docs/folds.md).

A tally is an element of a commutative monoid: `merge` is associative and commutative and has the
empty tally as its unit, and `add` is the merge with a single event's tally. So a profile does not
depend on the order in which events came, sessions were folded or profiles were merged. Each event may
be folded in only once: counts are sums.

A session's own tally does not say whose it is, since a login may tell later. `merge_session` fills in
the owner on the way into the profile; `name_user` corrects a profile that had the session under its
device, from the session's tally alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec

from graph_schema.model.event import Event, EventType
from graph_schema.model.identifier import Key
from graph_schema.model.session import Session
from graph_schema.model.tally import (
    ConsentFact,
    NameTally,
    OrderFact,
    RefundFact,
    Tally,
    TouchFact,
    TraitFact,
)
from graph_schema.model.time import DAY, Micros
from identity import commerce
from identity.storable import UNFIT, storable
from identity.touch import touch_of

_ORDERS: Final = "Order "
T = TypeVar("T", bound=tuple[Any, ...])


class ConsentValue(StrEnum):
    """CONFLICT counts as denied."""

    GRANTED = "GRANTED"
    DENIED = "DENIED"
    CONFLICT = "CONFLICT"


class ConsentState(msgspec.Struct, frozen=True):
    """`at` is when the statements that hold were made, `identifiers` the owners who made them."""

    value: ConsentValue
    at: Micros
    identifiers: tuple[Key, ...]


# ── events into a session ──────────────────────────────────────────────────────────────────────


def add(tally: Tally, event: Event) -> None:
    """Folds an event in, which must not be in yet."""
    at = event.at
    moment = (at, event.message_id)
    tally.events += 1
    if tally.first is None or moment < tally.first:
        tally.first = moment
    if tally.last is None or moment > tally.last:
        tally.last = moment
    tally.days.add(at // DAY)
    _count(tally.names, event.name, 1, at, at)
    if event.type is EventType.TRACK:
        if event.name.startswith(_ORDERS):
            _add_order(tally, event)
    elif event.type is EventType.IDENTIFY:
        _add_traits(tally, event)
    if event.context:
        _add_context(tally, event)


def _add_traits(tally: Tally, event: Event) -> None:
    for name, value in event.traits.items():
        kept = storable(value)
        if kept is not UNFIT:
            _add_trait(tally.traits, name, TraitFact(event.at, event.message_id, kept))


def _add_order(tally: Tally, event: Event) -> None:
    order = commerce.order_of(event)
    if order is not None:
        _merge_order(tally.orders, *order)
    refund = commerce.refund_of(event)
    if refund is not None:
        tally.refunds[event.message_id] = refund


def _add_context(tally: Tally, event: Event) -> None:
    touch = touch_of(event)
    if touch is not None:
        _add_touches(tally, touch, touch)
    consent = event.context.get("consent")
    preferences = consent.get("categoryPreferences") if isinstance(consent, dict) else None
    if isinstance(preferences, dict):
        for category, granted in preferences.items():
            if isinstance(granted, bool):
                fact = ConsentFact(event.at, event.message_id, granted)
                _add_consent(tally.consent, category, fact)


# ── sessions into a profile ────────────────────────────────────────────────────────────────────


def merge(into: Tally, other: Tally) -> None:
    """`into` becomes the sum of both. Nothing mutable is shared with `other` afterwards."""
    _merge_counters(into, other)
    for name, trait in other.traits.items():
        _add_trait(into.traits, name, trait)
    for category, statements in other.consent.items():
        for said in statements:
            _add_consent(into.consent, category, said)


def merge_session(into: Tally, added: Tally, owner: Key, logged_in: bool) -> None:
    """Folds what a session, or a part of one, adds up to into its profile's tally, under the session's
    owner. `logged_in`: the owner is the user whom the session names."""
    _merge_counters(into, added)
    for name, trait in added.traits.items():
        _add_trait(into.traits, name, TraitFact(trait.at, trait.mid, trait.value, owner))
    _merge_consent(into, added, owner, logged_in)


def name_user(into: Tally, folded: Tally, user: Key) -> None:
    """Tells a profile's tally that a session which it holds under its device is now its user's.
    `folded` is what of the session was folded in so far, or more. No event is read again: the session's
    statements are in its tally, and where consent given in it now counts as given logged in, no other
    anonymous statement can win any more."""
    for name, trait in folded.traits.items():
        known = into.traits.get(name)
        if known is not None and (known.at, known.mid) == (trait.at, trait.mid):
            into.traits[name] = TraitFact(trait.at, trait.mid, trait.value, user)
    _merge_consent(into, folded, user, logged_in=True)


def of_sessions(sessions: Iterable[Session]) -> Tally:
    """The tally of a profile: the fold of its sessions."""
    tally = Tally()
    for session in sessions:
        owner = session.owner
        if owner is not None:
            merge_session(tally, session.tally, owner, owner == session.user)
    return tally


def _merge_counters(into: Tally, other: Tally) -> None:
    into.events += other.events
    if other.first is not None and (into.first is None or other.first < into.first):
        into.first = other.first
    if other.last is not None and (into.last is None or other.last > into.last):
        into.last = other.last
    into.days |= other.days
    for name, found in other.names.items():
        _count(into.names, name, found.count, found.first_at, found.last_at)
    for order, fact in other.orders.items():
        _merge_order(into.orders, order, fact)
    into.refunds.update(other.refunds)
    if other.first_touch is not None and other.last_touch is not None:
        _add_touches(into, other.first_touch, other.last_touch)


def _merge_consent(into: Tally, added: Tally, owner: Key, logged_in: bool) -> None:
    for category, statements in added.consent.items():
        for said in statements:
            fact = ConsentFact(said.at, said.mid, said.granted, logged_in, owner)
            _add_consent(into.consent, category, fact)


# ── what a tally says ──────────────────────────────────────────────────────────────────────────


def traits(tally: Tally) -> dict[str, Any]:
    """Name to value; a trait that was set to null is absent."""
    return {name: fact.value for name, fact in tally.traits.items() if fact.value is not None}


def orders(tally: Tally) -> int:
    """Distinct orders that were completed and not cancelled."""
    return sum(fact.completed and not fact.cancelled for fact in tally.orders.values())


def revenue(tally: Tally) -> dict[str, int]:
    """Completed minus refunded, in micros of each currency.

    A completed order is worth its amount less its refunds, nothing once cancelled, and never less
    than nothing: the refund of a cancelled order, or one reported twice, takes no other order's
    revenue. A refund that cannot be set off (its order is not known, or has another currency) is
    subtracted as it stands.
    """
    found: dict[str, int] = {}
    loose: list[RefundFact] = []
    refunds: dict[str, list[RefundFact]] = {}
    for refund in tally.refunds.values():
        fits = _is_of(refund, tally.orders.get(refund.order_id))
        (refunds.setdefault(refund.order_id, []) if fits else loose).append(refund)
    for order, fact in tally.orders.items():
        if fact.completed and fact.amount is not None:
            code = fact.currency[2] if fact.currency else commerce.UNKNOWN_CURRENCY
            found[code] = found.get(code, 0) + _worth(fact, refunds.get(order, []))
    for refund in loose:
        if refund.micros is not None:
            code = refund.currency or commerce.UNKNOWN_CURRENCY
            found[code] = found.get(code, 0) - refund.micros
    return dict(sorted(found.items()))


def _is_of(refund: RefundFact, order: OrderFact | None) -> bool:
    if order is None:
        return False
    return not refund.currency or not order.currency or refund.currency == order.currency[2]


def _worth(order: OrderFact, refunds: list[RefundFact]) -> int:
    if order.amount is None or order.cancelled:
        return 0
    rest = order.amount[2]
    for refund in refunds:
        rest -= rest if refund.micros is None else refund.micros
    return max(rest, 0)


def consent(tally: Tally) -> dict[str, ConsentState]:
    """By category, what holds. The newest statement made logged in wins, else the newest; it is
    CONFLICT where statements of that same standing and time differ."""
    states = {}
    for category, equals in tally.consent.items():
        values = {said.granted for said in equals}
        value = ConsentValue.GRANTED if equals[0].granted else ConsentValue.DENIED
        states[category] = ConsentState(
            value if len(values) == 1 else ConsentValue.CONFLICT,
            equals[0].at,
            tuple(sorted({said.identifier for said in equals if said.identifier})),
        )
    return states


# ── underneath ─────────────────────────────────────────────────────────────────────────────────


def _count(
    names: dict[str, NameTally], name: str, count: int, first_at: Micros, last_at: Micros
) -> None:
    known = names.get(name)
    if known is None:
        names[name] = NameTally(count, first_at, last_at)
        return
    known.count += count
    if first_at < known.first_at:
        known.first_at = first_at
    if last_at > known.last_at:
        known.last_at = last_at


def _add_trait(facts: dict[str, TraitFact], name: str, fact: TraitFact) -> None:
    known = facts.get(name)
    if known is None or (fact.at, fact.mid, fact.identifier) > (
        known.at,
        known.mid,
        known.identifier,
    ):
        facts[name] = fact


def _merge_order(orders: dict[str, OrderFact], order: str, fact: OrderFact) -> None:
    known = orders.get(order)
    if known is not None:
        fact = OrderFact(
            _greatest(known.amount, fact.amount),
            _greatest(known.currency, fact.currency),
            known.completed or fact.completed,
            known.cancelled or fact.cancelled,
            known.itemised or fact.itemised,
        )
    orders[order] = fact


def _greatest(one: T | None, other: T | None) -> T | None:
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)


def _add_touches(tally: Tally, first: TouchFact, last: TouchFact) -> None:
    known = tally.first_touch
    if known is None or (first.at, first.mid) < (known.at, known.mid):
        tally.first_touch = first
    known = tally.last_touch
    if known is None or (last.at, last.mid) > (known.at, known.mid):
        tally.last_touch = last


def _add_consent(
    consent: dict[str, tuple[ConsentFact, ...]], category: str, fact: ConsentFact
) -> None:
    """Keeps the statements of the greatest (logged in, at), of each value and owner the last one."""
    known = consent.get(category)
    if known is None:
        consent[category] = (fact,)
        return
    standing, strongest = (fact.logged_in, fact.at), (known[0].logged_in, known[0].at)
    if standing > strongest:
        consent[category] = (fact,)
    elif standing == strongest:
        equals = {(said.granted, said.identifier): said for said in known}
        rival = equals.get((fact.granted, fact.identifier))
        if rival is None or fact.mid > rival.mid:
            equals[fact.granted, fact.identifier] = fact
            consent[category] = tuple(equals[key] for key in sorted(equals))
