"""Which late events are simply added to the session inside which they lie."""

from __future__ import annotations

from typing import Any

import msgspec
from graphs import START, event

from cdp.collector.recording import Recorder
from cdp.pipeline.late import places
from cdp.pipeline.prepare import Prepared, prepare
from graph_schema.model.event import Event
from graph_schema.model.record import LogRecord, RecordKind
from graph_schema.model.rules import IdentityRules
from graph_schema.model.session import DeviceFacts, Session
from graph_schema.model.tally import Tally
from graph_schema.model.time import MINUTE
from identity import fold
from identity.normalise import Normaliser

ORDER = {"order_id": "o1", "products": [{"product_id": "p1"}]}


def prepared(one: Event) -> Prepared:
    record = LogRecord(
        0, 1, one.at, RecordKind.EVENT, Recorder(IdentityRules(), 1).record_of(one).body
    )
    return prepare(record, Normaliser(IdentityRules()))


def late(mid: str, minute: float, user: str | None = None, **rest: Any) -> Prepared:
    return prepared(event(mid, minute, anonymous="a", user=user, **rest))


def session(id_: str, since: float, until: float, *events: Event, **facts: Any) -> Session:
    tally = Tally()
    for one in events:
        fold.add(tally, one)
    reach = (START + int(since * MINUTE), START + int(until * MINUTE))
    return Session(
        id_, "anonymous_id:a", None, "anonymous_id:a", *reach, "z", DeviceFacts(**facts), tally
    )


def ids(found: list[Session] | None) -> list[str] | None:
    return None if found is None else [one.id for one in found]


def test_each_goes_into_the_session_that_holds_its_time() -> None:
    known = [session("s0", 0, 10), session("s1", 60, 70), session("s2", 200, 230)]
    items = [late("x", 5), late("y", 65), late("z", 69), late("w", 201)]
    assert ids(places(known, items)) == ["s0", "s1", "s1", "s2"]


def test_between_sessions_and_before_them_all_nothing_is_simply_added() -> None:
    known = [session("s0", 0, 10), session("s1", 60, 70)]
    assert places(known, [late("x", 20)]) is None
    assert places(known, [late("x", -1)]) is None
    assert places(known, [late("x", 5), late("y", 20)]) is None
    assert places([], [late("x", 5)]) is None


def test_the_first_of_them_to_log_in_names_the_user_for_the_others() -> None:
    known = [session("s0", 0, 10)]
    assert ids(places(known, [late("x", 5, "u1"), late("y", 6, "u1")])) == ["s0", "s0"]
    assert places(known, [late("x", 5, "u1"), late("y", 6, "u2")]) is None
    assert known == [session("s0", 0, 10)]  # nothing was changed


def test_what_it_says_of_the_device_must_not_depend_on_the_order() -> None:
    known = [session("s0", 0, 10, locale="de")]
    alike, other = {"locale": "de", "timezone": "UTC"}, {"locale": "en"}
    assert ids(places(known, [late("x", 5, context=alike)])) == ["s0"]
    assert places(known, [late("x", 5, context=other)]) is None
    zones = [{"timezone": "UTC"}, {"timezone": "CET"}]
    assert places(known, [late("x", 5, context=zones[0]), late("y", 6, context=zones[1])]) is None
    assert msgspec.structs.astuple(known[0].facts).count("de") == 1


def test_of_two_completions_of_an_order_the_earlier_one_counts() -> None:
    bought = event("m", 9, anonymous="a", name="Order Completed", properties=ORDER)
    again = {"name": "Order Completed", "properties": ORDER}
    assert places([session("s0", 0, 10, bought)], [late("x", 5, **again)]) is None
    assert ids(places([session("s0", 0, 10)], [late("x", 5, **again)])) == ["s0"]
