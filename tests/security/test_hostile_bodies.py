"""Bodies made to do harm: each is an answer of the 400s, or a batch, and nothing else."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator

import msgspec
import pytest

from cdp.collector.authenticate import WriteKeys
from cdp.collector.decode import Batch, decode
from cdp.collector.errors import CollectorError
from cdp.collector.limits import Limits
from graph_schema.model.event import Event

KEYS = WriteKeys(["k"])
NOW = 1_795_000_000_000_000

VALUES: dict[str, bytes] = {
    "null": b"null", "true": b"true", "zero": b"0", "minus-zero": b"-0.0", "huge-int": b"9" * 400,
    "int-64": b"18446744073709551616", "digits": b"9" * 5000, "float-over": b"1e999",
    "float-under": b"1e-999", "nan": b"NaN", "inf": b"-Infinity", "empty": b'""', "nul": b'"\\u0000"',
    "half": b'"\\ud800"', "wrong-order": b'"\\udc00\\ud800"', "bom": b'"\\ufeff"',
    "rtl": b'"\\u202e"', "no-utf8": b'"\xff\xfe"', "overlong": b'"\xc0\xaf"', "control": b'"\x01"',
    "raw-half": b'"\xed\xa0\x80"', "long": b'"' + b"x" * 33_000 + b'"', "list": b"[]",
    "object": b"{}", "deep-list": b"[" * 900 + b"]" * 900,
    "deep-object": b'{"a":' * 900 + b"1" + b"}" * 900, "proto": b'{"__proto__":{"a":1}}',
    "same-names": b'{"a":1,"a":2}', "format": b'"{0.__class__} %s %n"', "sql": b'"\'; DROP TABLE x"',
    "wide": b"[" + b"{}," * 5000 + b"{}]", "escape-end": b'"\\', "bad-escape": b'"\\x41"',
    "open": b"[", "short-unicode": b'"\\u12"',
}  # fmt: skip
FIELDS = ["type", "messageId", "userId", "event", "timestamp", "context", "properties"]
AROUND = ["writeKey", "sentAt", "context", "integrations", "batch"]


def in_an_item() -> Iterator[tuple[str, bytes, str, str]]:
    for field, (name, value) in itertools.product(FIELDS, VALUES.items()):
        item = b'{"type":"track","event":"e","userId":"u","%s":%s}' % (field.encode(), value)
        yield f"{field}-{name}", b'{"writeKey":"k","batch":[%s]}' % item, "batch", ""


def around_the_items() -> Iterator[tuple[str, bytes, str, str]]:
    for field, (name, value) in itertools.product(AROUND, VALUES.items()):
        item = b'{"type":"track","event":"e","userId":"u"}'
        body = b'{"writeKey":"k","batch":[%s],"%s":%s}' % (item, field.encode(), value)
        yield f"around-{field}-{name}", body, "batch", ""


def whole_bodies() -> Iterator[tuple[str, bytes, str, str]]:
    for path, (name, value) in itertools.product(["batch", "track", "m"], VALUES.items()):
        yield f"body-{path}-{name}", value, path, ""
    for depth in (100, 1_000, 10_000, 249_000):
        for bracket in (b"[", b'{"a":'):
            body = (b'{"writeKey":"k","x":' + bracket * depth)[: 500 * 1024]
            yield f"open-{bracket!r}-{depth}", body, "track", ""
    text = json.dumps({"writeKey": "k", "batch": [{"type": "page", "userId": 1}]}).encode()
    packed = gzip.compress(text, mtime=0)
    for cut in range(0, len(packed), 7):
        yield f"gzip-cut-{cut}", packed[:cut], "batch", "gzip"
    for place in range(0, len(packed), 5):
        body = packed[:place] + bytes([packed[place] ^ 0xFF]) + packed[place + 1 :]
        yield f"gzip-flip-{place}", body, "batch", "gzip"
    yield "gzip-bomb", gzip.compress(bytes(80_000_000), mtime=0), "batch", "gzip"
    yield "gzip-twice", gzip.compress(packed, mtime=0), "batch", "gzip"
    yield "gzip-empty-members", gzip.compress(b"", mtime=0) * 20_000, "batch", "gzip"
    for cut in range(0, len(text), 6):
        yield f"cut-{cut}", text[:cut], "batch", ""
    yield "utf-16", text.decode().encode("utf-16"), "batch", ""
    yield "utf-8-bom", b"\xef\xbb\xbf" + text, "batch", ""
    shared = b'"context":{"x":"' + b"y" * 30_000 + b'"}'
    items = b",".join([b'{"type":"page","userId":1}'] * 2_500)
    yield "amplified", b'{"writeKey":"k",%s,"batch":[%s]}' % (shared, items), "batch", ""
    yield "escapes", b'"' + b"\\ud800\\" * 70_000 + b'"', "batch", ""


CASES = [*in_an_item(), *around_the_items(), *whole_bodies()]


def test_they_are_many_and_each_is_another() -> None:
    assert len(CASES) >= 250
    assert len({name for name, *_ in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("body", "path", "encoding"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_a_hostile_body(body: bytes, path: str, encoding: str) -> None:
    try:
        batch = decode(
            body, path=path, content_type="application/json", content_encoding=encoding,
            authorization="", received_at=NOW, client_ip="203.0.113.9", keys=KEYS, limits=Limits(),
        )  # fmt: skip
    except CollectorError as error:
        assert 400 <= error.status < 500
        assert error.code and error.message
    else:
        assert isinstance(batch, Batch)
        assert len(batch.outcomes) == len(batch.events) + len(batch.dead)
        for event in batch.events:
            lain = msgspec.json.encode(event)
            assert msgspec.json.decode(lain, type=Event) == event
            assert len(lain) < 2 * Limits().event_bytes
