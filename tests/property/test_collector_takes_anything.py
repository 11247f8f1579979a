"""Whatever is sent: events that the log can hold, dead letters, or an error of the collector."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.collector.authenticate import WriteKeys
from cdp.collector.clock_skew import corrected
from cdp.collector.decode import CALLS, Batch, decode
from cdp.collector.errors import BadEvent, CollectorError
from cdp.collector.history import event_of_history
from cdp.collector.limits import Limits, pause_for
from cdp.collector.surrogates import whole
from graph_schema.model.event import Event
from graph_schema.model.time import to_iso

NOW = 1_795_000_000_000_000
KEYS = WriteKeys(["k"])
_event = msgspec.json.Decoder(Event).decode

texts = st.text(st.characters(exclude_categories=()), max_size=12)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    "type", "messageId", "anonymousId", "userId", "previousId", "groupId", "event", "name",
    "category", "channel", "timestamp", "originalTimestamp", "sentAt", "context", "properties",
    "traits", "integrations",
]  # fmt: skip
likely = (
    json_values
    | st.sampled_from(
        ["track", "identify", "alias", "2020-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
    )
    | st.fixed_dictionaries(
        {}, optional={"ip": json_values, "traits": json_values, "library": json_values}
    )
)
items = st.dictionaries(st.sampled_from(FIELDS), likely, max_size=10)
paths = st.sampled_from(["batch", "b", *CALLS])


def sent(body: bytes, path: str) -> Batch | None:
    try:
        return decode(
            body, path=path, content_type="text/plain", content_encoding="", authorization="",
            received_at=NOW, client_ip="203.0.113.9", keys=KEYS, limits=Limits(),
        )  # fmt: skip
    except CollectorError as error:
        assert 400 <= error.status < 500
        return None


def sound(batch: Batch) -> None:
    accepted = [o for o in batch.outcomes if o.status == "accepted"]
    assert len(accepted) == len(batch.events)
    assert len(batch.outcomes) == len(batch.events) + len(batch.dead)
    assert [o.message_id for o in accepted] == [event.message_id for event in batch.events]
    for event in batch.events:
        assert _event(msgspec.json.encode(event)) == event
        assert event.at <= NOW and to_iso(event.at)
        assert event.user_id is not None or event.anonymous_id is not None
        assert 1 <= len(event.message_id) <= 100
        assert "traits" not in event.context
    for letter in batch.dead:
        assert letter.reason and letter.message


@given(json_values, paths)
@settings(max_examples=300, deadline=None)
def test_any_json_value(value: Any, path: str) -> None:
    batch = sent(json.dumps(value).encode(), path)
    assert batch is None  # it has no write key


@given(st.lists(items | json_values, max_size=4), st.dictionaries(
    st.sampled_from(["context", "sentAt", "integrations"]), likely, max_size=3))  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_any_batch(batch: list[Any], around: dict[str, Any]) -> None:
    found = sent(json.dumps({"writeKey": "k", "batch": batch} | around).encode(), "batch")
    assert found is not None
    assert len(found.outcomes) == len(batch)
    sound(found)


@given(items, st.sampled_from(sorted(CALLS)))
@settings(max_examples=300, deadline=None)
def test_any_single_call(item: dict[str, Any], path: str) -> None:
    found = sent(json.dumps(item | {"writeKey": "k"}).encode(), path)
    assert found is not None
    sound(found)


@given(st.binary(max_size=200), paths)
@settings(max_examples=300, deadline=None)
def test_any_bytes(body: bytes, path: str) -> None:
    assert sent(body, path) is None


@given(items)
@settings(max_examples=300, deadline=None)
def test_any_row_of_history(raw: dict[str, Any]) -> None:
    try:
        event = event_of_history(raw, source="f", received_at=NOW, fallback_message_id="m")
    except BadEvent as bad:
        assert bad.reason and bad.message
    else:
        assert _event(msgspec.json.encode(event)) == event and to_iso(event.at)


@given(texts)
@settings(max_examples=300, deadline=None)
def test_half_characters_and_nothing_else_are_replaced(text: str) -> None:
    shown = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert msgspec.json.decode(whole(json.dumps(text).encode())) == shown


@given(st.integers(0, NOW), st.integers(0, NOW), st.integers(-(10**12), 10**12))
@settings(deadline=None)
def test_skew_does_not_matter(original: int, sent_at: int, skew: int) -> None:
    at = corrected(original, sent_at, NOW)
    assert at <= NOW
    assert corrected(original + skew, sent_at + skew, NOW) == at


@given(st.integers(0, 10**10), st.integers(0, 10**10), st.integers(1, 10**9))
@settings(deadline=None)
def test_more_backlog_never_asks_for_less_patience(a: int, b: int, most: int) -> None:
    limits = Limits(backlog_bytes=most)
    low, high = sorted((a, b))
    assert (pause_for(low, limits) or 0) <= (pause_for(high, limits) or 0)
