"""Tallies are a commutative monoid, and a profile is the same however its events arrived."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_schema.model.event import Event, EventType
from graph_schema.model.session import DeviceFacts, Session
from graph_schema.model.tally import Tally
from graph_schema.model.time import DAY
from identity import fold

amounts = st.sampled_from([None, 5, 7.25, "12.10", "no number", -3])
order_properties = st.fixed_dictionaries(
    {"order_id": st.sampled_from(["o1", "o2", None])},
    optional={
        "revenue": amounts,
        "total": amounts,
        "currency": st.sampled_from(["EUR", "usd", "?"]),
        "products": st.just([{"product_id": "p1"}]),
    },
)
contexts = st.fixed_dictionaries(
    {},
    optional={
        "campaign": st.fixed_dictionaries({"source": st.sampled_from(["a", "b"])}),
        "page": st.fixed_dictionaries({"referrer": st.sampled_from(["https://x.example/", ""])}),
        "consent": st.fixed_dictionaries(
            {
                "categoryPreferences": st.dictionaries(
                    st.sampled_from(["ads", "stats"]), st.booleans()
                )
            }
        ),
    },
)
times = st.sampled_from([0, 1, 2, 3, DAY, DAY + 1, 5 * DAY])
names = st.sampled_from(["Order Completed", "Order Updated", "Order Cancelled", "Order Refunded"])
trait_values = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.booleans())


def event(kind: EventType, name: str, at: int, **fields: Any) -> Event:
    return Event("", kind, name, at, at, "web", **fields)


tracked = st.builds(
    lambda at, name, said, context: event(
        EventType.TRACK, name, at, properties=said, context=context
    ),
    times, names, order_properties, contexts,
)  # fmt: skip
identified = st.builds(
    lambda at, said, context: event(
        EventType.IDENTIFY, "identify", at, traits=said, context=context
    ),
    times, st.dictionaries(st.sampled_from("xyz"), trait_values, max_size=3), contexts,
)  # fmt: skip
viewed = st.builds(
    lambda at, context: event(EventType.PAGE, "page", at, context=context), times, contexts
)


def numbered(events: list[Event]) -> list[Event]:
    return [msgspec.structs.replace(one, message_id=f"m{n}") for n, one in enumerate(events)]


events_lists = st.lists(st.one_of(tracked, identified, viewed), max_size=12).map(numbered)


def folded(events: Sequence[Event]) -> Tally:
    tally = Tally()
    for one in events:
        fold.add(tally, one)
    return tally


def merged(*tallies: Tally) -> Tally:
    into = Tally()
    for tally in tallies:
        fold.merge(into, tally)
    return into


@given(events_lists, st.randoms(use_true_random=False))
def test_adding_in_any_order(events: list[Event], chance: random.Random) -> None:
    shuffled = list(events)
    chance.shuffle(shuffled)
    assert folded(shuffled) == folded(events)


@given(events_lists, st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_any_partition_merged_in_any_order(events: list[Event], chance: random.Random) -> None:
    parts: list[list[Event]] = [[], [], [], []]
    for one in events:
        chance.choice(parts).append(one)
    chance.shuffle(parts)
    a, b, c, d = map(folded, parts)
    assert merged(a, b, c, d) == folded(events)
    assert merged(merged(a, b), merged(c, d)) == folded(events)
    assert merged(merged(d, c, b), a) == folded(events)


@given(events_lists)
def test_the_empty_tally_is_the_unit(events: list[Event]) -> None:
    tally = folded(events)
    assert merged(tally, Tally()) == merged(Tally(), tally) == tally


@given(events_lists)
def test_a_tally_survives_its_storage(events: list[Event]) -> None:
    tally = folded(events)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(tally), type=Tally) == tally


def session(number: int, user: str | None, events: Sequence[Event]) -> Session:
    device = f"anonymous_id:a{number}"
    return Session(
        f"s{number}", device, user, user or device, 0, 0, "m", DeviceFacts(), folded(events)
    )


users = st.sampled_from([None, "user_id:u1", "user_id:u2"])


@given(events_lists, st.lists(users, min_size=3, max_size=3), st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_event_by_event_equals_the_fold_of_the_sessions(
    events: list[Event], named: list[str | None], chance: random.Random
) -> None:
    """Events arrive in any order, each merged into the profile under the owner that its session has
    then; each session's user becomes known at some moment."""
    held: list[list[Event]] = [[], [], []]
    owners = [f"anonymous_id:a{n}" for n in range(3)]
    profile = Tally()
    moments: list[tuple[int, Event | None]] = [(0, None), (1, None), (2, None)]
    moments += [(chance.randrange(3), one) for one in events]
    chance.shuffle(moments)
    for number, one in moments:
        user = named[number]
        if one is not None:
            fold.merge_session(profile, folded([one]), owners[number], owners[number] == user)
            held[number].append(one)
        elif user is not None:
            more = [one for to, one in moments if one is not None and to == number]
            fold.name_user(profile, folded(chance.choice([held[number], more])), user)
            owners[number] = user
    sessions = [session(n, named[n], held[n]) for n in range(3)]
    chance.shuffle(sessions)
    assert profile == fold.of_sessions(sessions)


@given(events_lists)
@settings(max_examples=300)
def test_consent_as_it_is_written(events: list[Event]) -> None:
    """The newest statement wins; a conflict only among those of the same time."""
    stated: dict[str, list[tuple[int, bool]]] = {}
    for one in events:
        said = one.context.get("consent", {}).get("categoryPreferences", {})
        for category, granted in said.items():
            stated.setdefault(category, []).append((one.at, granted))
    expected = {}
    for category, statements in stated.items():
        newest = max(at for at, _ in statements)
        values = {granted for at, granted in statements if at == newest}
        word = "CONFLICT" if len(values) == 2 else "GRANTED" if values == {True} else "DENIED"
        expected[category] = (word, newest)
    found = fold.consent(folded(events))
    assert {name: (str(s.value), s.at) for name, s in found.items()} == expected


@given(events_lists)
@settings(max_examples=300)
def test_no_order_is_worth_less_than_nothing(events: list[Event]) -> None:
    """Where every refund can be set off: its order is known, and there is one currency."""
    tally = folded(events)
    for order in tally.orders:
        tally.orders[order] = msgspec.structs.replace(tally.orders[order], currency=None)
    tally.refunds = {m: r for m, r in tally.refunds.items() if r.order_id in tally.orders}
    worth = sum(
        fact.amount[2]
        for fact in tally.orders.values()
        if fact.amount and fact.completed and not fact.cancelled
    )
    assert all(0 <= amount <= worth for amount in fold.revenue(tally).values())
