"""collector.md, sentence by sentence: paths, keys, bodies, limits, fields, time."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cdp.collector.authenticate import WriteKeys, basic_user, source_name
from cdp.collector.decode import Batch, decode
from cdp.collector.errors import (
    Backlogged,
    CollectorError,
    EventTooLarge,
    NestedTooDeep,
    NotABatch,
    NotGzip,
    NotJson,
    RequestTooLarge,
    TooManyEvents,
    UnknownCall,
    WrongContentEncoding,
    WrongContentType,
    WrongWriteKey,
)
from cdp.collector.limits import LONGEST_PAUSE_S, Limits, pause_for
from cdp.collector.replies import failure, project_settings, success
from graph_schema.model.event import Event, EventType
from graph_schema.model.time import SECOND, from_iso

NOW = from_iso("2026-11-23T12:00:00Z")
KEYS = WriteKeys(["k1", "k2"])


def send(body: object, path: str = "/v1/batch", **over: Any) -> Batch:
    if isinstance(body, dict):
        body = json.dumps({"writeKey": "k1"} | body).encode()
    given: dict[str, Any] = {
        "path": path,
        "content_type": "application/json",
        "content_encoding": "",
        "authorization": "",
        "received_at": NOW,
        "client_ip": "203.0.113.9",
        "keys": KEYS,
        "limits": Limits(),
    }
    return decode(body, **(given | over))  # type: ignore[arg-type]


def one(item: dict[str, Any], around: dict[str, Any] | None = None, **over: Any) -> Event:
    batch = send({"batch": [item]} | (around or {}), **over)
    assert batch.dead == []
    (event,) = batch.events
    return event


def refused(item: object, around: dict[str, Any] | None = None) -> str:
    batch = send({"batch": [item]} | (around or {}))
    assert batch.events == []
    (letter,) = batch.dead
    (outcome,) = batch.outcomes
    assert (outcome.status, outcome.reason) == ("rejected", letter.reason)
    assert (letter.source, letter.received_at, letter.origin) == (batch.source, NOW, "http")
    return letter.reason


def track(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Seen", "userId": "u1"} | fields


class TestPaths:
    @pytest.mark.parametrize(
        ("path", "kind"),
        [(p, k) for k in EventType for p in (k.value, f"/v1/{k.value}", f"/v1/{k.value[0]}")],
    )
    def test_each_call_has_a_path_and_a_short_one(self, path: str, kind: EventType) -> None:
        body = {"userId": "u1", "event": "e", "previousId": "p", "groupId": "g"}
        assert send(body, path).events[0].type is kind

    @pytest.mark.parametrize("path", ["batch", "/v1/batch", "/v1/b"])
    def test_batch(self, path: str) -> None:
        assert len(send({"batch": [track(), track()]}, path).events) == 2

    def test_metrics_of_the_browser_are_taken_and_dropped(self) -> None:
        assert send(b'{"series":[]}', "/v1/m").outcomes == []

    def test_there_is_no_other_call(self) -> None:
        with pytest.raises(UnknownCall):
            send({}, "/v1/nothing")

    def test_the_path_says_the_type_of_a_single_call(self) -> None:
        assert send({"type": "page", "userId": "u"}, "/v1/identify").events[0].type == "identify"

    def test_an_empty_batch_is_a_success(self) -> None:
        assert send({"batch": []}).outcomes == []


class TestKeys:
    def header(self, text: str) -> str:
        return "Basic " + base64.b64encode(text.encode()).decode()

    def test_in_the_body(self) -> None:
        assert send({"batch": []}).source == source_name("k1")

    def test_a_source_is_named_by_eight_hex_digits_of_the_keys_hash(self) -> None:
        assert source_name("k1") == "w_" + hashlib.sha256(b"k1").hexdigest()[:8]

    @pytest.mark.parametrize("text", ["k2:", "k2", "k2:ignored"])
    def test_in_the_header(self, text: str) -> None:
        batch = send(b'{"batch":[]}', authorization=self.header(text))
        assert batch.source == source_name("k2")

    def test_the_scheme_in_lower_case_and_without_padding(self) -> None:
        assert basic_user("basic " + base64.b64encode(b"k2:").decode().rstrip("=")) == "k2"

    def test_the_header_goes_before_the_body(self) -> None:
        batch = send({"batch": []}, authorization=self.header("k2:"))
        assert batch.source == source_name("k2")

    def test_a_foreign_header_does_not_count_against_the_body(self) -> None:
        batch = send({"batch": []}, authorization="Bearer of.a.proxy")
        assert batch.source == source_name("k1")

    @pytest.mark.parametrize("key", [None, "", "k3", 5, ["k1"], {"k1": 1}, "K1", "k1 "])
    def test_wrong_or_missing(self, key: object) -> None:
        with pytest.raises(WrongWriteKey) as error:
            send({"writeKey": key, "batch": [track()]})
        assert error.value.status == 401

    @pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic /w==", "Digest k1", "k1"])
    def test_a_header_that_is_none(self, header: str) -> None:
        with pytest.raises(WrongWriteKey):
            send(b'{"batch":[]}', authorization=header)

    def test_no_keys_let_nobody_in(self) -> None:
        with pytest.raises(WrongWriteKey):
            send({"batch": []}, keys=WriteKeys([]))


class TestBodies:
    @pytest.mark.parametrize(
        "kind",
        ["application/json", "text/plain", "text/plain;charset=UTF-8", "Application/JSON", ""],
    )
    def test_content_types(self, kind: str) -> None:
        assert send({"batch": [track()]}, content_type=kind).events

    @pytest.mark.parametrize("kind", ["text/html", "application/x-www-form-urlencoded", "json"])
    def test_other_content_types(self, kind: str) -> None:
        with pytest.raises(WrongContentType) as error:
            send({"batch": []}, content_type=kind)
        assert error.value.status == 415

    def test_gzip(self) -> None:
        body = gzip.compress(json.dumps({"writeKey": "k1", "batch": [track()]}).encode())
        assert send(body, content_encoding="gzip").events

    def test_gzip_of_several_members(self) -> None:
        text = json.dumps({"writeKey": "k1", "batch": [track()]}).encode()
        body = gzip.compress(text[:9]) + gzip.compress(text[9:])
        assert send(body, content_encoding="GZIP").events

    def test_gzip_that_is_none_or_is_cut_off(self) -> None:
        whole = gzip.compress(b'{"writeKey":"k1","batch":[]}')
        for body in (b"", b"{}", whole[:-3], whole + b"junk", b"\x1f\x8b"):
            with pytest.raises(NotGzip) as error:
                send(body, content_encoding="gzip")
            assert error.value.status == 400

    @pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
    def test_other_encodings(self, encoding: str) -> None:
        with pytest.raises(WrongContentEncoding):
            send({"batch": []}, content_encoding=encoding)

    def test_identity(self) -> None:
        assert send({"batch": [track()]}, content_encoding="identity").events

    def test_the_inflated_size_is_guarded(self) -> None:
        with pytest.raises(RequestTooLarge) as error:
            send(gzip.compress(b" " * 50_000_000), content_encoding="gzip")
        assert error.value.status == 413

    def test_many_small_members_are_guarded_together(self) -> None:
        body = gzip.compress(b" " * 60_000) * 10
        with pytest.raises(RequestTooLarge):
            send(body, content_encoding="gzip")

    @pytest.mark.parametrize(
        "body",
        [b"", b"nope", b"[]", b"5", b"null", b'"x"', b"{", b'{"a":NaN}', b"\xff\xfe{}", b"{}{}"],
    )
    def test_no_json_object(self, body: bytes) -> None:
        with pytest.raises(NotJson) as error:
            send(body)
        assert error.value.status == 400

    @pytest.mark.parametrize("batch", ["{}", "null", "5", '"x"', "true"])
    def test_no_list(self, batch: str) -> None:
        with pytest.raises(NotABatch):
            send(f'{{"writeKey":"k1","batch":{batch}}}'.encode())

    def test_a_batch_without_one(self) -> None:
        with pytest.raises(NotABatch):
            send({})

    def test_deep_nesting_of_the_whole(self) -> None:
        with pytest.raises(NestedTooDeep) as error:
            send(b'{"writeKey":"k1","batch":' + b"[" * 200_000)
        assert error.value.status == 400

    def test_deep_nesting_of_what_is_shared(self) -> None:
        context = b'{"a":' * 100 + b"1" + b"}" * 100
        with pytest.raises(NestedTooDeep):
            send(b'{"writeKey":"k1","batch":[],"context":%s}' % context)


class TestLimits:
    def test_a_batch_of_2500_and_no_more(self) -> None:
        assert len(send({"batch": [track()] * 2_500}).events) == 2_500
        with pytest.raises(TooManyEvents):
            send({"batch": [track()] * 2_501})

    def test_500_kilobytes_and_no_more(self) -> None:
        body = b'{"writeKey":"k1","batch":[]}'
        assert send(body.ljust(500 * 1024)).outcomes == []
        with pytest.raises(RequestTooLarge):
            send(body.ljust(500 * 1024 + 1))

    def test_an_event_of_32_kilobytes_and_no_more(self) -> None:
        text = json.dumps(track(properties={"x": ""}))
        room = 32 * 1024 - len(text)
        assert one(track(properties={"x": "y" * room}))
        assert refused(track(properties={"x": "y" * (room + 1)})) == "event_too_large"

    def test_a_single_call_that_is_too_large(self) -> None:
        with pytest.raises(EventTooLarge) as error:
            send(track(properties={"x": "y" * 40_000}), "/v1/track")
        assert error.value.status == 413

    def test_what_a_batch_shares_counts_for_each_event(self) -> None:
        context = {"page": {"title": "x" * 31_000}}
        assert (
            refused(track(properties={"x": "y" * 2_000}), {"context": context}) == "event_too_large"
        )
        with pytest.raises(RequestTooLarge):
            send({"batch": [track()] * 300, "context": context})

    def test_one_bad_event_fails_no_other(self) -> None:
        batch = send({"batch": [track(messageId="a"), track(userId=True), 5, track(messageId="d")]})
        assert [event.message_id for event in batch.events] == ["a", "d"]
        assert [o.status for o in batch.outcomes] == [
            "accepted",
            "rejected",
            "rejected",
            "accepted",
        ]
        assert [o.index for o in batch.outcomes] == [0, 1, 2, 3]
        assert [letter.reason for letter in batch.dead] == ["bad_field", "bad_field"]

    def test_back_pressure(self) -> None:
        limits = Limits(backlog_bytes=1000)
        assert pause_for(0, limits) is None
        assert pause_for(1000, limits) is None
        assert pause_for(1001, limits) == 1
        assert pause_for(1500, limits) == 30
        assert pause_for(10**12, limits) == LONGEST_PAUSE_S
        assert Backlogged(seconds=3).status == 429


class TestReplies:
    def test_success_is_exactly_this(self) -> None:
        assert success(send({"batch": [track()]}), verbose=False) == b'{"success":true}'

    def test_outcomes_where_asked_for(self) -> None:
        reply = json.loads(success(send({"batch": [track(messageId="m"), {}]}), verbose=True))
        assert reply["outcomes"][0] == {
            "index": 0, "messageId": "m", "status": "accepted", "reason": None,
        }  # fmt: skip
        assert reply["outcomes"][1]["reason"] == "unknown_type"

    def test_an_error_has_a_code(self) -> None:
        reply = json.loads(failure(TooManyEvents(found=3, limit=2)))
        assert (reply["success"], reply["code"]) == (False, "TOO_MANY_EVENTS")
        assert "3 events, more than 2" in reply["message"]

    def test_the_message_of_a_brace(self) -> None:
        assert '{"batch": [...]}' in NotABatch().message

    def test_project_settings(self) -> None:
        assert json.loads(project_settings("k")) == {
            "integrations": {"Segment.io": {"apiKey": "k"}}
        }

    def test_codes_are_unique_and_each_is_a_final_answer_or_asks_to_wait(self) -> None:
        errors = CollectorError.__subclasses__()
        assert len({error.code for error in errors}) == len(errors)
        assert {error.status for error in errors} == {400, 401, 404, 413, 415, 429}


class TestFields:
    def test_null_is_absent(self) -> None:
        event = one(
            track(anonymousId=None, properties=None, context=None, traits=None, timestamp=None)
        )
        assert (event.anonymous_id, event.properties, event.at) == (None, {}, NOW)

    @pytest.mark.parametrize("given", [{}, {"messageId": None}, {"messageId": ""}])
    def test_a_missing_message_id_is_made(self, given: dict[str, Any]) -> None:
        batch = send({"batch": [track(**given), track(**given)]})
        a, b = (event.message_id for event in batch.events)
        assert a != b and len(a) == 36
        assert [outcome.message_id for outcome in batch.outcomes] == [a, b]

    def test_a_message_id_has_at_most_100_characters(self) -> None:
        assert one(track(messageId="m" * 100)).message_id == "m" * 100
        assert refused(track(messageId="m" * 101)) == "message_id_too_long"

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            (7, "7"), (0, "0"), (-1, "-1"), (7.0, "7"), (1.5, "1.5"), (1e-7, "0.0000001"),
            (2**80, str(2**80)), ("", ""), ("x", "x"), (" y ", " y "),
        ],
    )  # fmt: skip
    def test_an_identifier_is_text_or_a_number(self, given: object, text: str) -> None:
        assert one(track(userId=given)).user_id == text
        assert one(track(anonymousId=given)).anonymous_id == text

    @pytest.mark.parametrize("field", ["userId", "anonymousId", "messageId"])
    @pytest.mark.parametrize("value", [True, [], {}, ["a"], 1e300, "a\x00b", "\ud800"])
    def test_no_identifier(self, field: str, value: object) -> None:
        assert refused(track(**{field: value})) == "bad_field"

    def test_neither_user_nor_device(self) -> None:
        assert refused({"type": "track", "event": "e"}) == "no_identifier"
        assert refused({"type": "track", "event": "e", "userId": None}) == "no_identifier"

    @pytest.mark.parametrize("kind", [None, "", "Track", "sign-up", "\x00"])
    def test_an_unknown_type(self, kind: object) -> None:
        assert refused(track(type=kind)) == "unknown_type"

    @pytest.mark.parametrize("item", [None, 5, "x", [], True])
    def test_no_object(self, item: object) -> None:
        assert refused(item) == "bad_field"

    @pytest.mark.parametrize("name", [None, "", "  "])
    def test_a_track_call_without_a_name(self, name: object) -> None:
        assert refused(track(event=name)) == "no_event_name"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("event", 5), ("event", "a\x00"), ("properties", []), ("properties", "x"), ("context", 5),
            ("traits", [1]), ("name", {}), ("category", 1), ("type", 1),
        ],
    )  # fmt: skip
    def test_a_field_of_another_kind(self, field: str, value: object) -> None:
        assert refused(track(**{field: value})) == "bad_field"

    def test_a_message_names_the_field_and_no_value(self) -> None:
        (letter,) = send({"batch": [track(properties="secret@example.com")]}).dead
        assert "$.properties" in letter.message and "secret" not in letter.message

    def test_numbers_out_of_range_and_deep_values(self) -> None:
        deep: Any = 1
        for _ in range(70):
            deep = [deep]
        assert refused(track(properties={"x": deep})) == "too_deep"
        batch = send(
            b'{"writeKey":"k1","batch":[{"type":"page","userId":1,"properties":{"a":1e999}}]}'
        )
        assert batch.dead[0].reason == "bad_field"

    def test_broad_values_are_not_deep(self) -> None:
        assert one(track(properties={"products": [{"a": [n]} for n in range(200)]}))

    def test_large_whole_numbers_are_kept_exactly(self) -> None:
        assert one(track(properties={"n": 2**70})).properties == {"n": 2**70}

    def test_half_a_character_in_a_value_is_replaced(self) -> None:
        assert one(track(properties={"t": "cut \ud83d"})).properties == {"t": "cut \ufffd"}
        assert one(track(properties={"t": "\U0001f600 \\ud83d"})).properties == {
            "t": "\U0001f600 \\ud83d"
        }

    def test_bytes_that_are_no_utf_8_fail_one_event(self) -> None:
        good = json.dumps(track()).encode()
        body = b'{"writeKey":"k1","batch":[%s,%s]}' % (good.replace(b"Seen", b"\xff"), good)
        batch = send(body)
        assert (len(batch.events), batch.dead[0].reason) == (1, "bad_json")

    def test_the_last_of_equal_names_wins(self) -> None:
        body = b'{"writeKey":"k1","userId":"a","userId":"b","event":"e"}'
        assert send(body, "track").events[0].user_id == "b"

    def test_unknown_fields_are_passed_over(self) -> None:
        assert one(track(_metadata={"a": 1}, version=2, integrations=[], channel=5))

    def test_only_a_track_call_is_named_by_its_event(self) -> None:
        assert one(track()).name == "Seen"
        assert one({"type": "page", "userId": "u", "event": "x", "name": "Home"}).name == "page"

    @pytest.mark.parametrize("kind", ["page", "screen"])
    def test_name_and_category_of_a_page_are_properties(self, kind: str) -> None:
        event = one(
            {"type": kind, "userId": "u", "name": "Home", "category": "Docs",
             "properties": {"name": "old", "url": "/"}}
        )  # fmt: skip
        assert event.properties == {"name": "Home", "category": "Docs", "url": "/"}

    def test_name_and_category_of_other_calls_are_not(self) -> None:
        assert one(track(name="x", category="y")).properties == {}

    def test_traits_of_identify(self) -> None:
        item = {"type": "identify", "userId": "u", "traits": {"a": None, "b": ""}}
        assert one(item).traits == {"a": None, "b": ""}

    def test_identify_takes_traits_from_context_where_the_root_has_none(self) -> None:
        item = {"type": "identify", "userId": "u", "context": {"traits": {"a": 1}, "locale": "de"}}
        event = one(item)
        assert event.traits == {"a": 1}
        assert event.context == {"locale": "de", "ip": "203.0.113.9"}
        assert one(item | {"traits": {"b": 2}}).traits == {"b": 2}
        assert one(item | {"traits": {}}).traits == {}

    @pytest.mark.parametrize("kind", ["track", "page", "screen", "group", "alias"])
    def test_context_traits_change_nothing_in_other_calls(self, kind: str) -> None:
        item = track(type=kind, groupId="g", previousId="p", context={"traits": {"a": 1}})
        event = one(item)
        assert event.traits == {} and "traits" not in event.context

    def test_root_traits_of_a_track_call_change_nothing(self) -> None:
        assert one(track(traits={"a": 1})).traits == {}

    def test_group(self) -> None:
        event = one({"type": "group", "userId": "u", "groupId": 5, "traits": {"plan": "x"}})
        assert (event.group_id, event.traits) == ("5", {"plan": "x"})
        assert refused({"type": "group", "userId": "u"}) == "no_group_id"

    def test_alias(self) -> None:
        event = one({"type": "alias", "userId": "u", "previousId": "p"})
        assert (event.user_id, event.previous_id) == ("u", "p")
        assert refused({"type": "alias", "userId": "u"}) == "no_previous_id"
        assert one(track(previousId="p")).previous_id is None


class TestContext:
    def test_what_a_batch_shares_lies_under_what_an_item_says(self) -> None:
        around = {
            "context": {"locale": "de", "page": {"url": "/", "title": "T"}, "os": {"name": "x"}}
        }
        event = one(track(context={"page": {"url": "/a"}, "os": None}), around)
        assert event.context["locale"] == "de"
        assert event.context["page"] == {"url": "/a"}
        assert event.context["os"] == {"name": "x"}

    def test_shared_traits_are_those_of_identify_only(self) -> None:
        around = {"context": {"traits": {"a": 1}}, "integrations": {"All": True}}
        batch = send({"batch": [track(), {"type": "identify", "userId": "u"}, track()]} | around)
        assert [event.traits for event in batch.events] == [{}, {"a": 1}, {}]
        assert all("traits" not in event.context for event in batch.events)

    def test_items_do_not_share_what_the_server_adds(self) -> None:
        batch = send({"batch": [track(), track(channel="server")], "context": {"locale": "de"}})
        assert ["ip" in event.context for event in batch.events] == [True, False]

    @pytest.mark.parametrize("context", [5, [], "x", None])
    def test_a_shared_context_that_is_none(self, context: object) -> None:
        assert one(track(), {"context": context}).context == {"ip": "203.0.113.9"}

    @pytest.mark.parametrize("ip", [None, ""])
    def test_the_server_fills_the_address(self, ip: object) -> None:
        assert one(track(context={"ip": ip})).context["ip"] == "203.0.113.9"

    def test_an_address_that_was_sent_stays(self) -> None:
        assert one(track(context={"ip": "198.51.100.1"})).context["ip"] == "198.51.100.1"

    @pytest.mark.parametrize(
        "library",
        ["analytics-python", "analytics-node", "@segment/analytics-node", "rudder-sdk-python",
         "analytics-java", "analytics-go", "analytics-ruby", "Analytics.NET"],
    )  # fmt: skip
    def test_servers_speak_from_an_address_that_is_not_their_users(self, library: str) -> None:
        assert "ip" not in one(track(context={"library": {"name": library}})).context

    @pytest.mark.parametrize(
        "library",
        ["analytics.js", "analytics-next", "analytics-android", "analytics-ios", "rudder-sdk-javascript",
         "analytics-react-native", 5, None],
    )  # fmt: skip
    def test_other_libraries_speak_from_their_users(self, library: object) -> None:
        assert one(track(context={"library": {"name": library}})).context["ip"] == "203.0.113.9"
        assert one(track(context={"library": library})).context["ip"] == "203.0.113.9"

    def test_an_unknown_address_is_not_filled_in(self) -> None:
        assert one(track(), client_ip="").context == {}


class TestTime:
    def test_skew_is_corrected(self) -> None:
        item = track(timestamp="2020-01-01T00:00:00.000Z")
        event = one(item, {"sentAt": "2020-01-01T00:00:05.000Z"})
        assert event.at == NOW - 5 * SECOND
        assert event.received_at == NOW
        assert event.original_timestamp == "2020-01-01T00:00:00.000Z"

    def test_without_sent_at(self) -> None:
        assert one(track(timestamp="2020-01-01T00:00:00Z")).at == NOW
        assert one(track(timestamp="2020-01-01T00:00:00Z"), {"sentAt": "never"}).at == NOW

    def test_the_batch_knows_best_when_it_was_sent(self) -> None:
        item = track(timestamp="2020-01-01T00:00:00Z", sentAt="2020-01-01T00:00:01Z")
        assert one(item, {"sentAt": "2020-01-01T00:00:09Z"}).at == NOW - 9 * SECOND
        assert one(item).at == NOW - SECOND

    def test_a_single_call_says_itself_when_it_was_sent(self) -> None:
        item = track(timestamp="2020-01-01T00:00:00Z", sentAt="2020-01-01T00:00:01Z")
        assert send(item, "/v1/track").events[0].at == NOW - SECOND

    def test_a_result_in_the_future(self) -> None:
        item = track(timestamp="2020-01-01T00:00:09Z")
        assert one(item, {"sentAt": "2020-01-01T00:00:05Z"}).at == NOW

    def test_a_result_before_all_calendars(self) -> None:
        item = track(timestamp="0001-01-01T00:00:00Z")
        assert one(item, {"sentAt": "9999-01-01T00:00:05Z"}).at == NOW

    def test_without_a_timestamp(self) -> None:
        event = one(track(), {"sentAt": "2020-01-01T00:00:05Z"})
        assert (event.at, event.original_timestamp) == (NOW, None)

    def test_original_timestamp_where_there_is_no_timestamp(self) -> None:
        item = track(originalTimestamp="2020-01-01T00:00:00Z")
        assert one(item, {"sentAt": "2020-01-01T00:00:05Z"}).at == NOW - 5 * SECOND

    @pytest.mark.parametrize(
        "text", ["2020-01-01T01:00:00+01:00", "2020-01-01T00:00:00", "2020-01-01T00:00:00.000000123Z",
                 "20200101T000000Z"],
    )  # fmt: skip
    def test_iso_8601(self, text: str) -> None:
        assert one(track(timestamp=text), {"sentAt": "2020-01-01T00:00:05Z"}).at == NOW - 5 * SECOND

    @pytest.mark.parametrize(
        "given", ["", "yesterday", "2020-13-01", 1577836800, True, {}, [],
                  "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"],
    )  # fmt: skip
    def test_no_time(self, given: object) -> None:
        assert refused(track(timestamp=given)) == "bad_timestamp"


def test_an_event_lies_in_the_log_as_it_was_read() -> None:
    event = one(track(anonymousId="a", properties={"x": [1, {"y": None}]}))
    assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event


class TestDocumentation:
    """docs/collector.md names every code and every reason, and no others."""

    TEXT = (Path(__file__).parents[2] / "docs" / "collector.md").read_text(encoding="utf-8")

    def test_codes(self) -> None:
        told = dict(re.findall(r"^\| `([A-Z_]+)` \| (\d{3}) \|", self.TEXT, re.MULTILINE))
        errors = CollectorError.__subclasses__()
        assert told == {error.code: str(error.status) for error in errors}

    def test_reasons(self) -> None:
        told = set(re.findall(r"^\| `([a-z_]+)` \| [^\n]", self.TEXT, re.MULTILINE)) - {"messageId"}
        folder = Path(__file__).parents[2] / "cdp" / "collector"
        source = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
        assert told == set(re.findall(r'BadEvent\(\s*"([a-z_]+)"', source))
