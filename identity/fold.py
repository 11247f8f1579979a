"""Folding events into sessions, and sessions into profiles (identity.md, "Folding").

A tally is an element of a commutative monoid: `merge` is associative and commutative and has the
empty tally as its unit, and `add` is the merge with a single event's tally. So a profile does not
depend on the order in which events came, sessions were folded or profiles were merged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

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


class ConsentState(msgspec.Struct, frozen=True):
    """`value` is GRANTED, DENIED or CONFLICT (which counts as denied)."""

    value: str
    at: Micros
    identifiers: tuple[Key, ...]


# ── events into a session ──────────────────────────────────────────────────────────────────────


def add(tally: Tally, event: Event) -> None:
    """Folds an event in."""
    at, mid = event.at, event.message_id
    moment = (at, mid)
    tally.events += 1
    if tally.first is None or moment < tally.first:
        tally.first = moment
    if tally.last is None or moment > tally.last:
        tally.last = moment
    tally.days.add(at // DAY)
    _count(tally.names, event.name, 1, at, at)
    if event.type is EventType.IDENTIFY:
        for name, value in event.traits.items():
            _newest(tally.traits, name, TraitFact(at, mid, value))
    if event.type is EventType.TRACK:
        _add_order(tally, event)
    if event.context:
        _add_context(tally, event)


def _add_order(tally: Tally, event: Event) -> None:
    order = commerce.order_of(event)
    if order is not None:
        _newest(tally.orders, *order)
    refund = commerce.refund_of(event)
    if refund is not None:
        tally.refunds[event.message_id] = refund


def _add_context(tally: Tally, event: Event) -> None:
    touch = _touch_of(event)
    if touch is not None:
        _add_touches(tally, touch, touch)
    consent = event.context.get("consent")
    preferences = consent.get("categoryPreferences") if isinstance(consent, dict) else None
    if isinstance(preferences, dict):
        for category, granted in preferences.items():
            if isinstance(granted, bool):
                fact = ConsentFact(event.at, event.message_id, granted)
                _add_consent(tally, category, fact)


def _touch_of(event: Event) -> TouchFact | None:
    """How the person came: a campaign, or a referrer."""
    campaign, page = event.context.get("campaign"), event.context.get("page")
    referrer = event.context.get("referrer")
    source = medium = name = address = None
    if isinstance(campaign, dict):
        source, medium, name = (_text(campaign.get(f)) for f in ("source", "medium", "name"))
    if isinstance(referrer, dict):
        address = _text(referrer.get("url"))
    if address is None and isinstance(page, dict):
        address = _text(page.get("referrer"))
    if source is None and medium is None and name is None and address is None:
        return None
    return TouchFact(event.at, event.message_id, source, medium, name, address)


# ── sessions into a profile ────────────────────────────────────────────────────────────────────


def of_sessions(sessions: Iterable[Session]) -> Tally:
    """The tally of a profile: the fold of its sessions."""
    tally = Tally()
    for session in sessions:
        merge_session(tally, session.tally, session.owner or "", session.user is not None)
    return tally


def merge_session(into: Tally, added: Tally, owner: Key, logged_in: bool) -> None:
    """Folds what a session, or a part of one, adds up to into its profile's tally."""
    merge(into, added, owner, logged_in)


def merge(into: Tally, other: Tally, owner: Key = "", logged_in: bool = False) -> None:
    """`into` becomes the sum of both. With `owner`, the statements of `other` are stamped as made in a
    session of that owner. Nothing mutable is shared with `other` afterwards."""
    into.events += other.events
    if other.first is not None and (into.first is None or other.first < into.first):
        into.first = other.first
    if other.last is not None and (into.last is None or other.last > into.last):
        into.last = other.last
    into.days |= other.days
    for name, found in other.names.items():
        _count(into.names, name, found.count, found.first_at, found.last_at)
    for name, trait in other.traits.items():
        if owner:
            trait = TraitFact(trait.at, trait.mid, trait.value, owner)
        _newest(into.traits, name, trait)
    for order, fact in other.orders.items():
        _newest(into.orders, order, fact)
    into.refunds.update(other.refunds)
    if other.first_touch is not None and other.last_touch is not None:
        _add_touches(into, other.first_touch, other.last_touch)
    for category, statements in other.consent.items():
        for said in statements:
            if owner:
                said = ConsentFact(said.at, said.mid, said.granted, logged_in, owner)
            _add_consent(into, category, said)


# ── what a tally says ──────────────────────────────────────────────────────────────────────────


def traits(tally: Tally) -> dict[str, Any]:
    """Name to value; a trait that was set to null is absent."""
    return {name: fact.value for name, fact in tally.traits.items() if fact.value is not None}


def orders(tally: Tally) -> int:
    """Distinct orders that were completed and not cancelled."""
    return sum(not fact.cancelled for fact in tally.orders.values())


def revenue(tally: Tally) -> dict[str, int]:
    """Completed minus refunded, in micros of each currency. Never less than nothing for one order's
    whole refund; a refund of an order that is not known counts all the same."""
    whole = {r.order_id for r in tally.refunds.values() if r.micros is None}
    found: dict[str, int] = {}
    for order, fact in tally.orders.items():
        amount = 0 if order in whole else fact.micros
        found[fact.currency] = found.get(fact.currency, 0) + amount
    for refund in tally.refunds.values():
        if refund.micros is not None and not _settled(tally, refund, whole):
            known = tally.orders.get(refund.order_id)
            currency = known.currency if known else refund.currency
            found[currency] = found.get(currency, 0) - refund.micros
    return dict(sorted(found.items()))


def consent(tally: Tally) -> dict[str, ConsentState]:
    """The newest statement made logged in wins, else the newest; CONFLICT only among equals."""
    states = {}
    for category, statements in tally.consent.items():
        strongest = max((said.logged_in, said.at) for said in statements)
        equals = [said for said in statements if (said.logged_in, said.at) == strongest]
        values = {said.granted for said in equals}
        word = "CONFLICT" if len(values) > 1 else "GRANTED" if True in values else "DENIED"
        identifiers = tuple(sorted({said.identifier for said in equals if said.identifier}))
        states[category] = ConsentState(word, strongest[1], identifiers)
    return states


def _settled(tally: Tally, refund: RefundFact, whole: set[str]) -> bool:
    """Whether the order is worth nothing any more: cancelled, or refunded as a whole."""
    known = tally.orders.get(refund.order_id)
    return refund.order_id in whole or (known is not None and known.cancelled)


# ── underneath ─────────────────────────────────────────────────────────────────────────────────


def _count(
    names: dict[str, NameTally], name: str, count: int, first_at: Micros, last_at: Micros
) -> None:
    known = names.get(name)
    if known is None:
        names[name] = NameTally(count, first_at, last_at)
        return
    known.count += count
    known.first_at = min(known.first_at, first_at)
    known.last_at = max(known.last_at, last_at)


def _newest(facts: dict[str, Any], name: str, fact: TraitFact | OrderFact) -> None:
    known = facts.get(name)
    if known is None or (fact.at, fact.mid) > (known.at, known.mid):
        facts[name] = fact


def _add_touches(tally: Tally, first: TouchFact, last: TouchFact) -> None:
    if tally.first_touch is None or (first.at, first.mid) < _moment(tally.first_touch):
        tally.first_touch = first
    if tally.last_touch is None or (last.at, last.mid) > _moment(tally.last_touch):
        tally.last_touch = last


def _add_consent(tally: Tally, category: str, fact: ConsentFact) -> None:
    """Keeps what can still win: of statements made logged in, and of others, the newest ones."""
    known = tally.consent.get(category, [])
    rivals = [said for said in known if said.logged_in == fact.logged_in]
    newest = max((said.at for said in rivals), default=fact.at)
    if fact.at < newest or fact in known:
        return
    kept = [said for said in known if said.logged_in != fact.logged_in or said.at == fact.at]
    tally.consent[category] = sorted([*kept, fact], key=_consent_order)


def _consent_order(fact: ConsentFact) -> tuple[bool, Micros, str]:
    return fact.logged_in, fact.at, fact.mid


def _moment(fact: TouchFact) -> tuple[Micros, str]:
    return fact.at, fact.mid


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 2048 else None
