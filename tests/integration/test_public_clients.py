"""Unmodified public clients against `cdp serve`: what they sent is what GraphQL answers."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asking import Person, person, seconds
from serving import Server, served
from system_tools import CLIENTS, client_packages, path_of


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("clients") / "data") as found:
        yield found


def minutes_ago(minutes: int) -> datetime:
    """Apart by more than the way to the server may take: whatever batches the client makes, this is
    the order in which things happened."""
    return datetime.now(UTC) - timedelta(minutes=minutes)


def test_analytics_python(server: Server) -> None:
    user, device = "segment-user", "segment-device"
    times = [minutes_ago(30), minutes_ago(20), minutes_ago(10)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from segment.analytics.client import Client

        client = Client(server.write_key, host=server.address)
        client.identify(user, {"plan": "pro"}, anonymous_id=device, timestamp=times[0])
        client.track(
            user,
            "Product Viewed",
            {"product_id": "p1"},
            timestamp=times[1],
            message_id="segment-1",
        )
        client.page(user, "Shop", "Home", {"teaser": "tea"}, timestamp=times[2])
        client.shutdown()
    found = person(server, user, 3)
    assert found.all("name") == ["identify", "Product Viewed", "page"]
    assert found.all("messageId")[1] == "segment-1"
    assert found.all("properties") == [
        {},
        {"product_id": "p1"},
        {"category": "Shop", "name": "Home", "teaser": "tea"},
    ]
    assert found.traits == {"plan": "pro"}
    assert found.identifiers == {("user_id", user), ("anonymous_id", device)}
    assert_at(found, times)


def test_rudder_sdk_python(server: Server) -> None:
    user, device = "rudder-user", "rudder-device"
    times = [minutes_ago(20), minutes_ago(10)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import rudderstack.analytics as rudder

        rudder.write_key = server.write_key
        rudder.dataPlaneUrl = server.address
        rudder.identify(user, {"plan": "free"}, anonymous_id=device, timestamp=times[0])
        rudder.track(
            user, "Product Added", {"product_id": "p2"}, timestamp=times[1], message_id="rudder-1"
        )
        rudder.shutdown()
    found = person(server, user, 2)
    assert found.all("name") == ["identify", "Product Added"]
    assert found.all("messageId")[1] == "rudder-1"
    assert found.all("properties")[1] == {"product_id": "p2"}
    assert found.traits == {"plan": "free"}
    assert found.identifiers == {("user_id", user), ("anonymous_id", device)}
    assert_at(found, times)


def assert_at(found: Person, times: list[datetime]) -> None:
    """Each event happened when its client said, and at most the time on the way later."""
    for event, said in zip(found.events, times, strict=True):
        on_the_way = seconds(event["receivedAt"]) - said.timestamp()
        late = seconds(event["at"]) - said.timestamp()
        assert -0.002 <= late < on_the_way - 300


def test_analytics_node(server: Server) -> None:
    client_packages()
    driver = CLIENTS / "node_client.mjs"
    began = time.time()
    done = subprocess.run(
        [path_of("node"), str(driver), server.address, server.write_key],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sent = json.loads(done.stdout)
    took = time.time() - began
    found = person(server, "node-user", len(sent))
    assert found.all("messageId") == [call["messageId"] for call in sent]
    assert found.all("type") == [call["type"].upper() for call in sent]
    assert found.all("name") == [
        "identify", "Order Completed", "page", "screen", "group", "alias", "Left",
    ]  # fmt: skip
    for event, call in zip(found.events, sent, strict=True):
        assert -0.002 <= seconds(event["at"]) - seconds(call["timestamp"]) <= took
    # No trait is taken from the context of a track, and none from a group.
    assert found.traits == {
        "plan": "pro", "logins": 7, "address": {"city": "Zürich"}, "nickname": "",
    }  # fmt: skip
    assert found.identifiers == {
        ("user_id", "node-user"),
        ("anonymous_id", "node-device"),
        ("anonymous_id", "node-user-before"),
    }
    assert found.counters["orders"] == 1
    assert found.counters["revenue"] == [{"amount": "39.9", "currency": "EUR"}]
    assert found.events[1]["items"] == [{"item": {"id": "p1"}, "quantity": "2"}]
    assert found.events[2]["properties"] == {"category": "Shop", "name": "Home"}
    # A server's address is not its users'.
    assert all("ip" not in context for context in found.all("context"))


PAGE = Path(__file__).parents[2] / "docs" / "collector.md"
RUN = {
    "python": [sys.executable, "-"],
    "js": ["node", "--input-type=module", "-"],
    "sh": ["sh", "-e"],
}
EXAMPLES = [
    (language, text)
    for language, text in re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    if language in RUN
]


@pytest.mark.parametrize(
    ("language", "text"),
    EXAMPLES,
    ids=[re.findall("from-[a-z-]+", text)[0] for _, text in EXAMPLES],
)
def test_the_documented_lines(server: Server, language: str, text: str) -> None:
    client_packages()
    said = text.replace("http://127.0.0.1:8000", server.address)
    subprocess.run(
        RUN[language], input=said.replace("WRITE_KEY", server.write_key), cwd=CLIENTS, text=True,
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    (user,) = re.findall("from-[a-z-]+", text)
    found = person(server, user, 1)
    assert found.all("name") == ["Product Viewed"]
    assert found.all("properties") == [{"product_id": "p1"}]


def test_the_documented_lines_are_of_every_client() -> None:
    assert [language for language, _ in EXAMPLES] == ["python", "python", "js", "sh"]


def test_curl_with_gzip(server: Server, tmp_path: Path) -> None:
    call = {
        "type": "track",
        "userId": "curl-user",
        "event": "Order Completed",
        "messageId": "curl-1",
        "timestamp": "2024-01-01T10:00:00Z",
        "properties": {"order_id": "c-1", "revenue": "12.50", "currency": "EUR"},
    }
    # The client's clock is years behind; by its own account it sent the event one hour later.
    batch = {"batch": [call], "sentAt": "2024-01-01T11:00:00Z"}
    body = tmp_path / "body.gz"
    body.write_bytes(gzip.compress(json.dumps(batch).encode()))
    reply = subprocess.run(
        [
            path_of("curl"), "-sS", "-u", f"{server.write_key}:", "--data-binary", f"@{body}",
            "-H", "Content-Type: application/json", "-H", "Content-Encoding: gzip",
            f"{server.address}/v1/batch",
        ],
        check=True, capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert json.loads(reply.stdout) == {"success": True}
    found = person(server, "curl-user", 1)
    assert found.all("messageId") == ["curl-1"]
    assert found.all("name") == ["Order Completed"]
    assert found.counters["revenue"] == [{"amount": "12.5", "currency": "EUR"}]
    event = found.events[0]
    assert seconds(event["receivedAt"]) - seconds(event["at"]) == pytest.approx(3600, abs=0.0015)
