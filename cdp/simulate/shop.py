"""The shop over its days: who visits when, on what, and what of it arrives when."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from cdp.simulate.catalogue import Product, catalogue
from cdp.simulate.people import LOCALES, Device, Person, device, drift, people
from cdp.simulate.visits import Call, Visit
from graph_schema.model.time import DAY, HOUR, MINUTE, SECOND, Micros, to_iso

KIOSK_VISITS_A_DAY = 6
KIOSK_OPENS, KIOSK_CLOSES = 9 * HOUR, 20 * HOUR
DRIFTS = 0.3
"""Share of the people whose taste changes on the way."""


Planned: TypeAlias = tuple[Micros, Person, Device, bool]
"""(when, who, on what, whether they log in)"""


class Arrival(msgspec.Struct, order=True):
    """A call as it reaches the collector. `sent_at` is the client's clock; who really made it."""

    at: Micros
    place: int
    call: Call
    person: str
    household: str


class Simulation(msgspec.Struct, frozen=True):
    """Everything, in the order of arrival; the same arguments give the same."""

    items: list[Product]
    arrivals: list[Arrival]
    identifiers: list[tuple[str, str, str]]


def simulate(
    count: int, days: int, seed: int, until: Micros, *, kiosk: bool = True, tablets: bool = True
) -> Simulation:
    """A shop of so many people over the last `days` days up to `until`. `kiosk` and `tablets`: whether
    it has those shared devices."""
    rng = random.Random(seed)
    items = catalogue(rng, count)
    crowd = people(rng, count, tablets=tablets)
    start = until - days * DAY
    taste = _Taste(rng, items)
    drifting = {
        p.id: start + int(days * DAY * rng.uniform(0.3, 0.7))
        for p in crowd
        if rng.random() < DRIFTS
    }
    arrivals: list[Arrival] = []
    planned = list(_plan(rng, crowd, start, until, days))
    if kiosk:
        planned += _plan_kiosk(rng, crowd, start, days)
    planned.sort(key=lambda plan: plan[0])
    free: dict[str, Micros] = {}
    for at, person, used, login in planned:
        # Nobody uses a device while another visit is on it.
        at = max(at, free.get(used.anonymous, at))
        if at >= drifting.get(person.id, until):
            drift(rng, person)
            del drifting[person.id]
        visit = Visit(rng, person, used, at, taste.choose, login=login)
        delay = rng.randrange(2, 40) * HOUR if used.kind == "app" and rng.random() < 0.05 else 0
        for moment, call in visit.calls():
            if moment + delay < until:
                _arrive(rng, arrivals, call, moment, delay, used, person)
        free[used.anonymous] = visit.ended_at
    arrivals.sort()
    return Simulation(items, arrivals, _identifiers(arrivals))


class _Taste:
    """Chooses items: mostly of what a person likes, popular ones more often."""

    def __init__(self, rng: random.Random, items: list[Product]) -> None:
        self._rng = rng
        self._all = items
        self._by_category: dict[str, list[Product]] = {}
        for item in items:
            self._by_category.setdefault(item.category, []).append(item)

    def choose(self, person: Person) -> Product:
        if self._rng.random() < 0.1:
            return self._rng.choice(self._all)
        category, style = self._rng.choice(person.likes)
        items = self._by_category[category]
        weights = [
            item.weight
            * (5 if item.style == style else 1)
            * (2 if item.brand in person.brands else 1)
            for item in items
        ]
        return self._rng.choices(items, weights)[0]


def _plan(
    rng: random.Random, crowd: list[Person], start: Micros, until: Micros, days: int
) -> Iterator[Planned]:
    for person in crowd:
        for _ in range(max(1, round(person.visits * days / 30))):
            at = rng.randrange(start, until)
            used = rng.choice(person.devices)
            if person.tablet is not None and rng.random() < 0.3:
                used = person.tablet
            yield at, person, used, rng.random() < person.login


def _plan_kiosk(
    rng: random.Random, crowd: list[Person], start: Micros, days: int
) -> Iterator[Planned]:
    """Callers come at any time while the place is open; nine in ten log in."""
    kiosk = device(rng, "kiosk", "10.250.0.9", LOCALES[0])
    callers = [person for person in crowd if person.login > 0]
    if len(callers) <= 20:
        return
    for day in range(days):
        opens = (start // DAY + day) * DAY + KIOSK_OPENS
        for _ in range(KIOSK_VISITS_A_DAY):
            at = opens + rng.randrange(KIOSK_CLOSES - KIOSK_OPENS)
            if at >= start:
                yield at, rng.choice(callers), kiosk, rng.random() < 0.9


def _arrive(
    rng: random.Random,
    arrivals: list[Arrival],
    call: Call,
    moment: Micros,
    delay: Micros,
    used: Device,
    person: Person,
) -> None:
    """With the device's wrong clock on it, late where it was off line, and now and then twice."""
    server = call.get("channel") == "server"
    skew = 0 if server else used.skew_s * SECOND
    arrives = moment + delay + rng.randrange(1, 3) * SECOND
    call |= {"timestamp": to_iso(moment + skew), "sentAt": to_iso(moment + delay + SECOND + skew)}
    arrivals.append(Arrival(arrives, len(arrivals), call, person.id, person.household))
    if rng.random() < 0.01:
        again = arrives + rng.randrange(1, 30) * MINUTE
        arrivals.append(Arrival(again, len(arrivals), call, person.id, person.household))


def _identifiers(arrivals: list[Arrival]) -> list[tuple[str, str, str]]:
    """(namespace, value, person) of all that occurs in a call; a shared device once for each person
    who used it."""
    found: dict[tuple[str, str, str], None] = {}
    for arrival in arrivals:
        call = arrival.call
        traits = call.get("traits", {})
        for namespace, value in (
            ("user_id", call.get("userId")),
            ("anonymous_id", call.get("anonymousId")),
            ("device_id", call["context"].get("device", {}).get("id")),
            ("email", traits.get("email")),
            ("phone", traits.get("phone")),
        ):
            if value is not None:
                found[namespace, value, arrival.person] = None
    return sorted(found)
