"""History takes the same fields, and its times as given; a dead letter can be tried again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cdp.collector.authenticate import WriteKeys
from cdp.collector.decode import Batch, decode
from cdp.collector.errors import BadEvent
from cdp.collector.history import event_of_history
from cdp.collector.limits import Limits
from cdp.collector.replay import replay
from cdp.eventlog.dead_letter import DeadLetter
from graph_schema.model.event import Event
from graph_schema.model.time import SECOND, from_iso

NOW = from_iso("2026-11-23T12:00:00Z")


def row(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Seen", "userId": "u1"} | fields


def read(raw: dict[str, Any]) -> Event:
    return event_of_history(raw, source="file", received_at=NOW, fallback_message_id="made")


def reason(raw: dict[str, Any]) -> str:
    with pytest.raises(BadEvent) as error:
        read(raw)
    return error.value.reason


@pytest.mark.parametrize("time", ["1999-01-01T00:00:00Z", "2099-01-01T00:00:00Z"])
def test_the_time_is_taken_as_given(time: str) -> None:
    event = read(row(timestamp=time, sentAt="2020-01-01T00:00:00Z"))
    assert (event.at, event.original_timestamp) == (from_iso(time), time)


def test_without_a_time_it_is_when_it_was_read() -> None:
    assert read(row()).at == NOW


def test_the_fallback_message_id_is_for_rows_without_one() -> None:
    assert read(row()).message_id == read(row(messageId="")).message_id == "made"
    assert read(row(messageId="m")).message_id == "m"


def test_no_address_is_made_up() -> None:
    assert read(row()).context == {}


def test_the_row_is_left_as_it_is() -> None:
    raw = row(type="identify", context={"traits": {"a": 1}})
    before = json.dumps(raw)
    assert read(raw).traits == {"a": 1}
    assert json.dumps(raw) == before


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"userId": True}, "bad_field"),
        ({"userId": None}, "no_identifier"),
        ({"timestamp": "soon"}, "bad_timestamp"),
        ({"event": ""}, "no_event_name"),
        ({"type": "x"}, "unknown_type"),
        ({"messageId": "m" * 101}, "message_id_too_long"),
        ({"properties": {"x": "y" * 40_000}}, "event_too_large"),
        ({"properties": {"x": "\ud800"}}, "bad_json"),
        ({"properties": {"x": object()}}, "bad_json"),
        ({"properties": {"x": 1j}}, "bad_json"),
    ],
)
def test_what_is_wrong_has_the_same_reasons(fields: dict[str, Any], expected: str) -> None:
    assert reason(row(**fields)) == expected


def test_deep_rows() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    try:
        assert reason(row(properties={"x": deep})) == "too_deep"
    finally:
        while isinstance(deep, list):  # its own destructor would go as deep
            deep = deep.pop()


def test_nan_is_null_in_json() -> None:
    assert read(row(properties={"x": float("nan")})).properties == {"x": None}


def _decode(body: dict[str, Any], path: str = "batch") -> Batch:
    return decode(
        json.dumps({"writeKey": "k"} | body).encode(),
        path=path,
        content_type="",
        content_encoding="",
        authorization="",
        received_at=NOW,
        client_ip="203.0.113.9",
        keys=WriteKeys(["k"]),
        limits=Limits(),
    )


class TestReplay:
    def test_a_letter_holds_what_its_batch_shared_and_no_key(self) -> None:
        around = {"context": {"locale": "de"}, "sentAt": "2020-01-01T00:00:05Z"}
        bad = row(userId=None, timestamp="2020-01-01T00:00:00Z", messageId="m")
        batch = _decode({"batch": [row(), bad]} | around)
        (letter,) = batch.dead
        assert json.loads(letter.body) == {"batch": [bad]} | around
        mended = DeadLetter(
            letter.reason, letter.message, letter.source, letter.received_at, letter.origin,
            letter.body.replace(b'"userId": null', b'"userId": "u9"'),
        )  # fmt: skip
        (event,) = replay(mended, Limits()).events
        assert (event.user_id, event.message_id, event.source) == ("u9", "m", batch.source)
        assert (event.at, event.received_at) == (NOW - 5 * SECOND, NOW)
        assert event.context == {"locale": "de"}

    def test_a_single_call_keeps_the_type_of_its_path_and_no_key(self) -> None:
        (letter,) = _decode({"event": "Seen"}, "/v1/track").dead
        assert json.loads(letter.body) == {"batch": [{"event": "Seen", "type": "track"}]}

    def test_what_is_still_wrong_is_dead_again(self) -> None:
        (letter,) = _decode({"batch": [row(userId=True)]}).dead
        again = replay(letter, Limits())
        assert again.dead == [letter] and again.events == []
        assert again.outcomes[0].status == "rejected"

    def test_a_row_of_a_file(self) -> None:
        body = json.dumps(row(timestamp="1999-01-01T00:00:00Z")).encode()
        letter = DeadLetter("bad_field", "", "file", NOW, "old.ndjson:7", body)
        first, second = replay(letter, Limits()), replay(letter, Limits())
        assert first.events[0].at == from_iso("1999-01-01T00:00:00Z")
        assert first == second  # the same id: nothing changes the second time

    @pytest.mark.parametrize("origin", ["http", "old.csv:3"])
    @pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"[" * 100_000, b"5"])
    def test_bodies_that_cannot_be_read(self, origin: str, body: bytes) -> None:
        batch = replay(DeadLetter("x", "", "s", NOW, origin, body), Limits())
        assert batch.events == [] and batch.dead[0].reason == "bad_json"
        assert batch.dead[0].body == body
