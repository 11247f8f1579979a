"""What sessions and profiles add up to, case by case (identity.md, "Folding"; scenarios 7 and 8)."""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec
import pytest

from graph_schema.model.event import Event, EventType
from graph_schema.model.session import DeviceFacts, Session
from graph_schema.model.tally import Tally
from graph_schema.model.time import DAY, HOUR
from identity import fold
from identity.fold import ConsentState, ConsentValue

_numbers = count()
A1, U1, U2 = "anonymous_id:a1", "user_id:u1", "user_id:u2"


def event(name: str, at: int = 0, mid: str = "", **fields: Any) -> Event:
    kinds = {kind.value: kind for kind in EventType}
    kind = kinds.get(name, EventType.TRACK)
    return Event(mid or f"m{next(_numbers):05}", kind, name, at, at, "web", **fields)


def track(name: str, at: int = 0, mid: str = "", **properties: Any) -> Event:
    return event(name, at, mid, properties=properties)


def identify(at: int, mid: str = "", **traits: Any) -> Event:
    return event("identify", at, mid, traits=traits)


def consents(at: int, mid: str = "", **preferences: Any) -> Event:
    return event("page", at, mid, context={"consent": {"categoryPreferences": preferences}})


def folded(*events: Event) -> Tally:
    tally = Tally()
    for one in events:
        fold.add(tally, one)
    return tally


def profile(*parts: tuple[str, bool, Tally]) -> Tally:
    tally = Tally()
    for owner, logged_in, part in parts:
        fold.merge_session(tally, part, owner, logged_in)
    return tally


# ── counters ───────────────────────────────────────────────────────────────────────────────────


def test_counters() -> None:
    tally = folded(track("A", 5), track("B", 3 * DAY), track("A", DAY - 1), event("page", 7))
    assert tally.events == 4
    assert tally.days == {0, 3}
    assert (tally.names["A"].count, tally.names["A"].first_at, tally.names["A"].last_at) == (
        2,
        5,
        DAY - 1,
    )
    assert set(tally.names) == {"A", "B", "page"}


def test_a_day_before_1970_is_a_day_of_its_own() -> None:
    assert folded(track("A", -1), track("A", 0)).days == {-1, 0}


def test_merging_shares_nothing_mutable() -> None:
    one, other = Tally(), folded(track("A", 1))
    fold.merge(one, other)
    fold.add(one, track("A", 2))
    assert other.events == 1
    assert other.names["A"].count == 1
    assert other.days == {0}


# ── traits ─────────────────────────────────────────────────────────────────────────────────────


def test_the_newest_value_wins_whatever_came_first() -> None:
    late_first = folded(identify(9, plan="pro"), identify(2, plan="free"))
    assert fold.traits(late_first) == {"plan": "pro"}


def test_of_equal_times_the_greater_message_id_wins() -> None:
    events = identify(5, "a", plan="x"), identify(5, "b", plan="y")
    assert fold.traits(folded(*events)) == fold.traits(folded(*events[::-1])) == {"plan": "y"}


def test_null_removes_and_stays_removed_under_older_values() -> None:
    tally = folded(identify(5, plan=None), identify(3, plan="pro"))
    assert fold.traits(tally) == {}
    fold.add(tally, identify(6, plan="new"))
    assert fold.traits(tally) == {"plan": "new"}


def test_the_empty_string_is_a_value() -> None:
    assert fold.traits(folded(identify(1, plan="pro"), identify(2, plan=""))) == {"plan": ""}


@pytest.mark.parametrize("kind", ["track", "page", "screen", "group", "alias"])
def test_only_identify_states_traits(kind: str) -> None:
    stated = event(kind, 5, traits={"plan": "x"}, context={"traits": {"plan": "x"}})
    assert folded(stated).traits == {}


def test_integers_beyond_64_bits_are_kept_as_text() -> None:
    tally = folded(identify(1, big={"n": [10**30]}, small=2**64 - 1))
    assert fold.traits(tally) == {"big": {"n": [str(10**30)]}, "small": 2**64 - 1}
    msgspec.msgpack.encode(tally)


def test_a_value_nested_too_deep_is_not_a_statement() -> None:
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    assert fold.traits(folded(identify(1, x="kept", y=[[1]]), identify(2, x=deep))) == {
        "x": "kept",
        "y": [[1]],
    }


def test_a_trait_knows_the_owner_of_its_session() -> None:
    tally = profile((A1, False, folded(identify(1, plan="x"))), (U1, True, Tally()))
    assert tally.traits["plan"].identifier == A1


# ── a session whose user becomes known ─────────────────────────────────────────────────────────


def test_naming_the_user_corrects_what_the_profile_holds() -> None:
    before = folded(identify(1, plan="x"), consents(2, ads=True))
    tally = profile((A1, False, before), (A1, False, folded(consents(3, ads=False))))
    fold.name_user(tally, before, U1)
    assert tally.traits["plan"].identifier == U1
    assert fold.consent(tally) == {"ads": ConsentState(ConsentValue.GRANTED, 2, (U1,))}
    assert tally.events == 3


def test_naming_the_user_leaves_other_sessions_alone() -> None:
    mine, other = folded(identify(1, plan="x", tier=1)), folded(identify(2, plan="y"))
    tally = profile((A1, False, mine), (A1, False, other))
    fold.name_user(tally, mine, U1)
    assert {name: fact.identifier for name, fact in tally.traits.items()} == {
        "plan": A1,
        "tier": U1,
    }


def session(tally: Tally, user: str | None, owner: str | None) -> Session:
    return Session("s", A1, user, owner, 0, 0, "s", DeviceFacts(), tally)


def test_a_profile_is_the_fold_of_its_sessions() -> None:
    parts = folded(consents(9, ads=True)), folded(consents(1, ads=False), identify(2, plan="x"))
    tally = fold.of_sessions([session(parts[0], None, A1), session(parts[1], U1, U1)])
    assert tally == profile((A1, False, parts[0]), (U1, True, parts[1]))
    assert fold.consent(tally)["ads"].value is ConsentValue.DENIED


def test_a_login_that_a_decision_keeps_apart_does_not_speak_for_the_user() -> None:
    said = folded(consents(1, ads=True))
    tally = fold.of_sessions([session(said, U1, A1)])
    assert not tally.consent["ads"][0].logged_in


def test_what_is_nobodys_is_in_no_profile() -> None:
    assert fold.of_sessions([session(folded(track("A")), None, None)]) == Tally()


# ── orders ─────────────────────────────────────────────────────────────────────────────────────


def completed(at: int, revenue: Any, order: str = "o1", **more: Any) -> Event:
    return track("Order Completed", at, order_id=order, revenue=revenue, **more)


def test_an_order_sent_twice_counts_once() -> None:
    tally = folded(completed(1, 20, currency="EUR"), completed(2, 20, currency="EUR"))
    assert fold.orders(tally) == 1
    assert fold.revenue(tally) == {"EUR": 20_000_000}


def test_the_newest_amount_of_an_order_holds() -> None:
    update = track("Order Updated", 5, order_id="o1", revenue=15)
    for events in ((completed(1, 20), update), (update, completed(1, 20))):
        assert fold.revenue(folded(*events)) == {"XXX": 15_000_000}


def test_an_update_without_an_amount_changes_none() -> None:
    tally = folded(completed(1, 20, currency="EUR"), track("Order Updated", 5, order_id="o1"))
    assert fold.revenue(tally) == {"EUR": 20_000_000}


def test_an_order_that_was_only_updated_is_not_completed() -> None:
    tally = folded(track("Order Updated", 5, order_id="o1", revenue=15))
    assert (fold.orders(tally), fold.revenue(tally)) == (0, {})


@pytest.mark.parametrize("at", [0, 9])
def test_a_cancelled_order_is_worth_nothing_whenever_it_was_cancelled(at: int) -> None:
    tally = folded(completed(5, 20), track("Order Cancelled", at, order_id="o1"))
    assert (fold.orders(tally), fold.revenue(tally)) == (0, {"XXX": 0})


def test_refunds_are_subtracted_once_for_each_message() -> None:
    refund = track("Order Refunded", 3, order_id="o1", total=5)
    other = track("Order Refunded", 4, order_id="o1", total=-2.5)
    tally = folded(completed(1, 20, currency="EUR"), refund, other)
    assert fold.revenue(tally) == {"EUR": 12_500_000}
    assert fold.orders(tally) == 1


def test_a_refund_without_an_amount_is_of_the_whole_order() -> None:
    tally = folded(completed(1, 20), completed(1, 7, "o2"), track("Order Refunded", order_id="o1"))
    assert fold.revenue(tally) == {"XXX": 7_000_000}


def test_a_refund_takes_no_other_orders_revenue() -> None:
    events = [
        completed(1, 20),
        completed(1, 7, "o2"),
        track("Order Refunded", 2, order_id="o1", total=23),
        track("Order Refunded", 2, order_id="o1", total=23),
    ]
    assert fold.revenue(folded(*events)) == {"XXX": 7_000_000}


def test_the_refund_of_a_cancelled_order_takes_nothing_more() -> None:
    events = [
        completed(1, 20),
        track("Order Cancelled", 2, order_id="o1"),
        track("Order Refunded", 3, order_id="o1", revenue=20),
    ]
    assert fold.revenue(folded(*events)) == {"XXX": 0}


def test_a_refund_of_an_unknown_order_is_subtracted_until_the_order_comes() -> None:
    tally = folded(track("Order Refunded", 3, order_id="o1", revenue=5, currency="EUR"))
    assert fold.revenue(tally) == {"EUR": -5_000_000}
    fold.add(tally, completed(1, 20, currency="EUR"))
    assert fold.revenue(tally) == {"EUR": 15_000_000}


def test_a_refund_in_another_currency_is_subtracted_there() -> None:
    tally = folded(
        completed(1, 20, currency="EUR"),
        track("Order Refunded", 3, order_id="o1", revenue=5, currency="usd"),
    )
    assert fold.revenue(tally) == {"EUR": 20_000_000, "USD": -5_000_000}


def test_orders_without_an_id_are_one_each() -> None:
    tally = folded(track("Order Completed", revenue=1), track("Order Completed", revenue=2))
    assert fold.orders(tally) == 2
    assert fold.revenue(tally) == {"XXX": 3_000_000}


def test_four_prices_have_one_sum() -> None:
    prices = [0.1, 0.2, 0.3, 1e15 / 1e3]
    sums = {
        fold.revenue(folded(*(completed(1, p, f"o{n}") for n, p in enumerate(order))))["XXX"]
        for order in (prices, prices[::-1])
    }
    assert sums == {1_000_000_000_000_600_000}


# ── touches ────────────────────────────────────────────────────────────────────────────────────


def came_by(at: int, **context: Any) -> Event:
    return event("page", at, context=context)


def test_first_and_last_touch_are_the_least_and_greatest() -> None:
    tally = folded(
        came_by(5, campaign={"source": "b", "medium": "cpc", "name": "spring"}),
        came_by(9, campaign={"source": "c"}),
        came_by(2, page={"referrer": "https://search.example/q", "url": "https://shop.example/"}),
        came_by(1),
    )
    assert tally.first_touch is not None and tally.last_touch is not None
    assert (tally.first_touch.at, tally.first_touch.referrer) == (2, "https://search.example/q")
    assert (tally.last_touch.source, tally.last_touch.campaign) == ("c", None)


@pytest.mark.parametrize(
    ("url", "referrer", "external"),
    [
        ("https://shop.example/a", "https://shop.example/b", False),
        ("https://www.shop.example/a", "http://shop.example:8080/b", False),
        ("https://checkout.shop.example/a", "https://SHOP.example/b", False),
        ("https://shop.example/a", "https://myshop.example/b", True),
        ("https://shop.example/a", "android-app://com.example.mail/", True),
        ("https://shop.example/a", "https://user@other.example:1/", True),
        (None, "https://shop.example/b", True),
        ("https://shop.example/a", "$direct", False),
        ("https://shop.example/a", "", False),
        ("https://shop.example/a", "/local", False),
        ("https://shop.example/a", 7, False),
    ],
)
def test_only_another_site_refers(url: Any, referrer: Any, external: bool) -> None:
    tally = folded(came_by(1, page={"url": url, "referrer": referrer}))
    assert (tally.first_touch is not None) is external


@pytest.mark.parametrize("stated", ["https://a.example/", {"url": "https://a.example/"}])
def test_a_referrer_beside_the_page(stated: Any) -> None:
    touch = folded(came_by(1, referrer=stated)).last_touch
    assert touch is not None
    assert touch.referrer == "https://a.example/"


# ── consent ────────────────────────────────────────────────────────────────────────────────────


def consent_of(*parts: tuple[str, bool, Tally]) -> dict[str, tuple[str, int, tuple[str, ...]]]:
    states = fold.consent(profile(*parts))
    return {name: (str(s.value), s.at, s.identifiers) for name, s in states.items()}


def test_a_statement_made_logged_in_outweighs_newer_anonymous_ones() -> None:
    anonymous, known = folded(consents(9, ads=True)), folded(consents(1, ads=False))
    for parts in (
        ((A1, False, anonymous), (U1, True, known)),
        ((U1, True, known), (A1, False, anonymous)),
    ):
        assert consent_of(*parts) == {"ads": ("DENIED", 1, (U1,))}


def test_the_newest_of_equal_standing_wins() -> None:
    parts = (U1, True, folded(consents(5, ads=False))), (U2, True, folded(consents(6, ads=True)))
    assert consent_of(*parts) == {"ads": ("GRANTED", 6, (U2,))}


def test_equals_that_differ_are_a_conflict() -> None:
    parts = (U1, True, folded(consents(5, ads=False))), (U2, True, folded(consents(5, ads=True)))
    assert consent_of(*parts) == {"ads": ("CONFLICT", 5, (U1, U2))}


def test_equals_that_agree_are_none() -> None:
    parts = (U1, True, folded(consents(5, ads=True))), (U2, True, folded(consents(5, ads=True)))
    assert consent_of(*parts) == {"ads": ("GRANTED", 5, (U1, U2))}


def test_without_any_login_the_newest_statement_holds() -> None:
    assert consent_of((A1, False, folded(consents(5, ads=True), consents(6, ads=False)))) == {
        "ads": ("DENIED", 6, (A1,))
    }


def test_categories_do_not_know_each_other() -> None:
    tally = folded(consents(5, ads=True, stats=False), consents(6, stats=True))
    assert {name: s.at for name, s in fold.consent(tally).items()} == {"ads": 5, "stats": 6}


@pytest.mark.parametrize("stated", ["yes", 1, None, [], {"a": True}])
def test_only_true_and_false_are_statements(stated: Any) -> None:
    assert folded(consents(5, ads=stated)).consent == {}


def test_what_can_no_longer_win_is_not_kept() -> None:
    tally = folded(*(consents(at, ads=at % 2 == 0) for at in range(1000)))
    assert len(tally.consent["ads"]) == 1
    same_time = folded(*(consents(HOUR, ads=n % 2 == 0) for n in range(1000)))
    assert len(same_time.consent["ads"]) == 2
