"""Unmodified public clients against `cdp serve`."""

from __future__ import annotations

import gzip
import json
import subprocess
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import Server

QUERY = """query($v: String!) { profile(identifier: {namespace: "user_id", value: $v}) {
  traits counters { events } events(first: 20) { edges { node { name properties } } } } }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("clients") / "data")
    yield found
    assert found.stop() == 0


def profile(server: Server, user: str, events: int) -> dict[str, Any]:
    """The profile once it has so many events."""
    until = time.monotonic() + 15
    while time.monotonic() < until:
        found = server.ask(QUERY, v=user)["profile"]
        if found is not None and found["counters"]["events"] >= events:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{user} did not get {events} events")


def names(found: dict[str, Any]) -> set[str]:
    return {edge["node"]["name"] for edge in found["events"]["edges"]}


def test_analytics_python(server: Server) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from segment.analytics.client import Client

        client = Client(server.write_key, host=server.address)
        client.identify("segment-user", {"plan": "pro"})
        client.track("segment-user", "Product Viewed", {"product_id": "p1"})
        client.page("segment-user", "Shop", "Home")
        client.shutdown()
    found = profile(server, "segment-user", 3)
    assert names(found) == {"identify", "Product Viewed", "page"}
    assert found["traits"] == {"plan": "pro"}


def test_rudder_sdk_python(server: Server) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import rudderstack.analytics as rudder

        rudder.write_key = server.write_key
        rudder.dataPlaneUrl = server.address
        rudder.identify("rudder-user", {"plan": "free"})
        rudder.track("rudder-user", "Product Added", {"product_id": "p2"})
        rudder.shutdown()
    found = profile(server, "rudder-user", 2)
    assert names(found) == {"identify", "Product Added"}
    assert found["traits"] == {"plan": "free"}


def test_curl_with_gzip(server: Server, tmp_path: Path) -> None:
    call = {
        "type": "track",
        "userId": "curl-user",
        "event": "Order Completed",
        "messageId": "curl-1",
    }
    body = tmp_path / "body.gz"
    body.write_bytes(gzip.compress(json.dumps({"batch": [call]}).encode()))
    reply = subprocess.run(
        [
            "curl", "-sS", "-u", f"{server.write_key}:", "--data-binary", f"@{body}",
            "-H", "Content-Type: application/json", "-H", "Content-Encoding: gzip",
            f"{server.address}/v1/batch",
        ],
        check=True, capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert json.loads(reply.stdout) == {"success": True}
    assert names(profile(server, "curl-user", 1)) == {"Order Completed"}
