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


def test_logins_come_early_and_late_in_a_visit(shop: Simulation) -> None:
    """How many products are looked at before the login, in visits that look at four or more."""
    before: Counter[int] = Counter()
    for visit in visits(shop):
        users = [call["userId"] is not None for call in visit]
        looks = [call.get("event") == "Product Viewed" for call in visit]
        if any(users) and sum(looks) >= 4:
            before[sum(looks[: users.index(True)])] += 1
            assert all(users[users.index(True) :])
    assert 0.4 < before[0] / before.total() < 0.6
    assert sum(count for looked, count in before.items() if looked >= 3) / before.total() > 0.2


def visits(shop: Simulation) -> list[list[dict[str, Any]]]:
    """The calls that one person makes on one device with no half-hour of silence between."""
    found: list[list[dict[str, Any]]] = []
    lines: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for arrival in shop.arrivals:
        if "anonymousId" in arrival.call:
            lines[arrival.call["anonymousId"], arrival.person].append(arrival.call)
    for line in lines.values():
        ordered = {call["messageId"]: call for call in line}.values()
        last = None
        for call in sorted(ordered, key=lambda call: call["timestamp"]):
            at = from_iso(call["timestamp"])
            if last is None or call["type"] == "page" or at - last > 30 * MINUTE:
                found.append([])
            found[-1].append(call)
            last = at
    return found


def test_a_device_is_used_by_one_at_a_time(shop: Simulation) -> None:
    """Between a visit's first and last call there is nobody else's on the device."""
    by_device: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for arrival in shop.arrivals:
        if "anonymousId" in arrival.call:
            at = from_iso(arrival.call["timestamp"])
            begins = arrival.call["type"] == "page"
            by_device[arrival.call["anonymousId"]].append((at, "" if begins else arrival.person))
    shared = 0
    for device, calls_of in by_device.items():
        here = None
        for at, person in sorted(set(calls_of)):
            assert person == "" or here in (None, person), (device, at)
            shared += here is not None and person == ""
            here = person or None
    assert shared > 100


def test_a_device_does_not_tell_who_sits_there(shop: Simulation) -> None:
    told: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for call in calls(shop):
        if "anonymousId" in call:
            told[call["anonymousId"]].add((call["context"]["locale"], call["context"]["ip"]))
    assert {len(values) for values in told.values()} == {1}


def test_the_kiosk_keeps_hours(shop: Simulation) -> None:
    people = people_by(shop, "anonymousId")
    kiosk = max(people, key=lambda device: len(people[device]))
    hours = {
        from_iso(call["timestamp"]) % DAY // HOUR
        for call in calls(shop)
        if call.get("anonymousId") == kiosk
    }
    assert {10, 14, 18} <= hours <= set(range(9, 21))


def test_shared_devices_can_be_left_out() -> None:
    alone = simulate(60, 10, 7, UNTIL, kiosk=False, tablets=False)
    assert {len(people) for people in people_by(alone, "anonymousId").values()} == {1}
    with_tablets = simulate(60, 10, 7, UNTIL, kiosk=False)
    sharing = {len(people) for people in people_by(with_tablets, "anonymousId").values()}
    assert 1 < max(sharing) <= 4
    assert {a.person for a in alone.arrivals} == {a.person for a in with_tablets.arrivals}


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
