"""The simulated shop: the same again, only valid calls, and the hard cases are really in it."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from cdp.collector.history import event_of_history
from cdp.imports import read
from cdp.simulate import Simulation, simulate, write
from graph_schema.model.time import DAY, HOUR, MINUTE, from_iso

UNTIL = from_iso("2026-03-01T00:00:00Z")
DAYS = 20


@pytest.fixture(scope="module")
def shop() -> Simulation:
    return simulate(200, DAYS, 7, UNTIL)


def calls(shop: Simulation) -> list[dict[str, Any]]:
    return [arrival.call for arrival in shop.arrivals]


def people_by(shop: Simulation, field: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for arrival in shop.arrivals:
        if arrival.call.get(field):
            found[arrival.call[field]].add(arrival.person)
    return found


def test_the_same_arguments_write_the_same_bytes(tmp_path: Path) -> None:
    shares: list[float] = []
    write(simulate(30, 5, 3, UNTIL), tmp_path / "a", shares.append)
    write(simulate(30, 5, 3, UNTIL), tmp_path / "b")
    write(simulate(30, 5, 4, UNTIL), tmp_path / "c")
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert names == {"events.ndjson.gz", "items.ndjson", "truth.csv", "identifiers.csv"}
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    for name in names:
        first = (tmp_path / "a" / name).read_bytes()
        assert first == (tmp_path / "b" / name).read_bytes()
        assert first != (tmp_path / "c" / name).read_bytes()


def test_every_call_is_one_that_the_import_takes(shop: Simulation, tmp_path: Path) -> None:
    write(shop, tmp_path)
    with (tmp_path / "truth.csv").open(newline="") as file:
        truth = {row["message_id"]: row["person_id"] for row in csv.DictReader(file)}
    read_ids = set()
    for row in read(tmp_path / "events.ndjson.gz"):
        assert row.call is not None
        event = event_of_history(
            row.call, source="s", received_at=UNTIL, fallback_message_id=row.fallback_id
        )
        read_ids.add(event.message_id)
    assert read_ids == set(truth)
    assert all(row.item is not None for row in read(tmp_path / "items.ndjson"))
    with gzip.open(tmp_path / "events.ndjson.gz") as packed:
        assert json.loads(packed.readline()) == shop.arrivals[0].call


def test_it_arrives_in_order_and_within_its_time(shop: Simulation) -> None:
    times = [arrival.at for arrival in shop.arrivals]
    assert times == sorted(times)
    assert times[0] >= UNTIL - DAYS * DAY
    assert times[-1] <= UNTIL + HOUR


def test_a_duplicate_says_the_same(shop: Simulation) -> None:
    seen: dict[str, dict[str, Any]] = {}
    again = 0
    for call in calls(shop):
        again += call["messageId"] in seen
        assert seen.setdefault(call["messageId"], call) == call
    assert 0.003 < again / len(shop.arrivals) < 0.03


def test_a_user_id_is_one_person_and_a_device_may_be_many(shop: Simulation) -> None:
    assert all(len(people) == 1 for people in people_by(shop, "userId").values())
    users = Counter(len(people) for people in people_by(shop, "anonymousId").values())
    assert max(users) > 20
    assert users[2] + users[3] + users[4] > 0


def test_some_people_never_log_in(shop: Simulation) -> None:
    known = {arrival.person for arrival in shop.arrivals if arrival.call["userId"]}
    everybody = {arrival.person for arrival in shop.arrivals}
    assert 0.15 < 1 - len(known) / len(everybody) < 0.45


def test_clocks_are_wrong_and_batches_late(shop: Simulation) -> None:
    skewed = late = 0
    for arrival in shop.arrivals:
        sent = from_iso(arrival.call["sentAt"])
        skewed += abs(arrival.at - sent) > HOUR
        late += sent - from_iso(arrival.call["timestamp"]) > 90 * MINUTE
    assert skewed > 0
    assert late > 0


def test_an_order_is_told_by_browser_and_server(shop: Simulation) -> None:
    told: dict[str, set[str | None]] = defaultdict(set)
    for call in calls(shop):
        if call.get("event") == "Order Completed":
            told[call["properties"]["order_id"]].add(call.get("channel"))
        if call.get("channel") == "server":
            assert call["userId"]
            assert "anonymousId" not in call
    assert {None, "server"} in told.values()
    events = {call.get("event") for call in calls(shop)}
    assert {"Order Refunded", "Order Cancelled", "Checkout Started", "Cart Viewed"} <= events


def test_the_identifiers_are_those_that_occur(shop: Simulation) -> None:
    listed = set(shop.identifiers)
    assert len(listed) == len(shop.identifiers)
    assert {name for name, _, _ in listed} == {
        "user_id", "anonymous_id", "device_id", "email", "phone",
    }  # fmt: skip
    for namespace, field in (("user_id", "userId"), ("anonymous_id", "anonymousId")):
        expected = {(namespace, v, p) for v, ps in people_by(shop, field).items() for p in ps}
        assert {entry for entry in listed if entry[0] == namespace} == expected


def test_tastes_can_be_learned(shop: Simulation) -> None:
    """The most viewed category of a person is a third of the views or more; by chance it is a sixth."""
    category = {product.id: product.category for product in shop.items}
    views: dict[str, Counter[str]] = defaultdict(Counter)
    for arrival in shop.arrivals:
        if arrival.call.get("event") == "Product Viewed":
            views[arrival.person][category[arrival.call["properties"]["product_id"]]] += 1
    busy = [counts for counts in views.values() if counts.total() >= 15]
    shares = [counts.most_common(1)[0][1] / counts.total() for counts in busy]
    assert sum(shares) / len(shares) > 1 / 3
