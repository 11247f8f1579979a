"""Recommendations of a running `cdp serve` with its worker, over HTTP: they follow events, stock and
identity at once, and no request fails while versions are swapped, rolled back and removed."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving import Server, cdp, served

from gnn.artifacts import ArtifactStore
from gnn.errors import ArtifactDamaged

PATIENCE_S = 30.0
ITEMS = 12
RECOMMEND = """query($user: String!, $where: ItemFilter) { recommend(
    identifier: {namespace: "user_id", value: $user}, first: 12, where: $where) {
  fallback recommender { name } edges { score node { id }
    reasons { kind share item { id } } } } }"""
CHANGE = "{ __typename ... on Problem { message } ... on IdentityChangeSuccess { change { id } } }"


def track(user: str, event: str, item: int, days_ago: float = 0.0) -> dict[str, Any]:
    at = (datetime.now(UTC) - timedelta(days=days_ago)).isoformat()
    return {
        "type": "track", "userId": user, "anonymousId": f"d-{user}", "event": event,
        "timestamp": at, "originalTimestamp": at,
        "properties": {"product_id": f"i{item:02}", "category": f"c{item % 3}", "price": item + 1},
    }  # fmt: skip


def until(condition: Callable[[], object]) -> None:
    """Waits until the worker has come so far."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A shop of two tastes (items 0 to 5 and 6 to 11) with the versions one, two and three, of which
    one is in service."""
    rng = np.random.default_rng(1)
    events = [
        track(f"u{person:02}", "Order Completed" if step == 3 else "Product Viewed",
              int(rng.integers(6)) + 6 * (person % 2), 20 - 4 * step - float(rng.random()))
        for person in range(40)
        for step in range(5)
    ]  # fmt: skip
    with served(tmp_path_factory.mktemp("recommending") / "data") as found:
        for begin in range(0, len(events), 100):
            found.post(*events[begin : begin + 100])
        until(lambda: found.ask("{ stats { events } }")["stats"]["events"] == len(events))
        for name in ("one", "two", "three"):
            model = "popularity" if name == "two" else "item_knn"
            cdp("train", found.data, "--model", model, "--name", name)
        cdp("models", found.data, "use", "one")
        until(lambda: recommended(found, "u00")["recommender"] == {"name": "one"})
        yield found


def recommended(server: Server, user: str, **variables: Any) -> dict[str, Any]:
    found: dict[str, Any] = server.ask(RECOMMEND, user=user, **variables)["recommend"]
    return found


def ids(found: dict[str, Any]) -> list[str]:
    return [edge["node"]["id"] for edge in found["edges"]]


def because(found: dict[str, Any]) -> set[str]:
    """The items that the reasons name."""
    return {
        reason["item"]["id"]
        for edge in found["edges"]
        for reason in edge["reasons"]
        if reason["item"] is not None
    }


# ── real time ──────────────────────────────────────────────────────────────────────────────────


def test_an_event_changes_the_next_answer(server: Server) -> None:
    assert recommended(server, "fresh")["fallback"] == "UNKNOWN_PROFILE"
    server.post(track("fresh", "Product Viewed", 7))
    until(lambda: recommended(server, "fresh")["fallback"] is None)
    first = recommended(server, "fresh")
    assert because(first) == {"i07"}
    best = ids(first)[0]
    server.post(track("fresh", "Order Completed", int(best[1:])))
    until(lambda: best not in ids(recommended(server, "fresh")))
    assert because(recommended(server, "fresh")) == {"i07", best}


def test_a_merge_unites_a_split_takes_apart_and_an_undo_restores(server: Server) -> None:
    """Merged and taken apart by a split, and merged and undone: each is as it was to the last digit."""
    server.post(track("left", "Product Viewed", 1), track("right", "Product Added", 8))
    until(lambda: all(because(recommended(server, one)) for one in ("left", "right")))
    before = {one: recommended(server, one)["edges"] for one in ("left", "right")}
    assert because({"edges": before["left"]}) == {"i01"}
    assert because({"edges": before["right"]}) == {"i08"}
    both = [{"namespace": "user_id", "value": one} for one in ("left", "right")]

    def changed(mutation: str, **variables: Any) -> str:
        (answer,) = server.ask(mutation, **variables).values()
        assert answer["__typename"] == "IdentityChangeSuccess", answer
        return str(answer["change"]["id"])

    def now() -> dict[str, Any]:
        return {one: recommended(server, one)["edges"] for one in ("left", "right")}

    merge = f"mutation($i: MergeProfilesInput!) {{ mergeProfiles(input: $i) {CHANGE} }}"
    change = changed(merge, i={"identifiers": both})
    merged = now()
    assert merged["left"] == merged["right"]
    assert because({"edges": merged["left"]}) == {"i01", "i08"}
    undo = f"mutation($id: ID!) {{ undoChange(changeId: $id) {CHANGE} }}"
    changed(undo, id=change)
    assert now() == before
    changed(merge, i={"identifiers": both})
    assert now() == merged
    split = f"mutation($i: SplitProfileInput!) {{ splitProfile(input: $i) {CHANGE} }}"
    leaving = [both[1], {"namespace": "anonymous_id", "value": "d-right"}]
    changed(split, i={"identifiers": leaving})
    assert now() == before


def test_stock_and_prices_are_obeyed(server: Server, tmp_path: Path) -> None:
    """What is sold out goes, what is there again comes back, and what became cheap enough comes in."""

    def put(**said: Any) -> None:
        file = tmp_path / "items.ndjson"
        row = {"type": "item", "id": "i03", "category": "c0", "currency": "EUR", **said}
        file.write_text(json.dumps(row))
        cdp("import", server.data, str(file))

    cheap = {"price": {"lte": "0.5"}}
    assert "i03" in ids(recommended(server, "u38"))
    assert ids(recommended(server, "u38", where=cheap)) == []
    put(price=4, available=False)
    until(lambda: "i03" not in ids(recommended(server, "u38")))
    put(price=0.25, available=True)
    until(lambda: ids(recommended(server, "u38", where=cheap)) == ["i03"])
    assert "i03" in ids(recommended(server, "u38"))


# ── versions ───────────────────────────────────────────────────────────────────────────────────


class Load:
    """Some who ask without pause. `answers`: how many were given, by the version that gave them;
    `failed`: whatever else came."""

    def __init__(self, server: Server, askers: int = 4) -> None:
        self.answers: Counter[str] = Counter()
        self.failed: list[object] = []
        self._server = server
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(askers)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def more(self, count: int = 8) -> None:
        """Waits until so many more answers, or a failure, came."""
        wanted = self.answers.total() + count
        until(lambda: self.answers.total() >= wanted or self.failed)

    def _ask(self, number: int) -> None:
        while not self._stop.is_set():
            number = (number + 7) % 40
            try:
                answer = self._server.answer(RECOMMEND, user=f"u{number:02}")
                found = answer["data"]["recommend"]
                assert "errors" not in answer
                assert found["edges"]
                name = found["recommender"]["name"]
            except Exception as error:  # noqa: BLE001 - whatever went wrong is what is looked for
                with self._lock:
                    self.failed.append(error)
                return
            with self._lock:
                self.answers[name] += 1


def test_no_request_fails_while_versions_are_swapped_and_removed(server: Server) -> None:
    artifacts = ArtifactStore(server.data / "models")
    spare = server.data / "spare"
    shutil.copytree(artifacts.folder / "versions" / artifacts.find("three").id, spare)
    with Load(server) as load:
        for number in range(12):
            artifacts.activate(("two", "three", "one")[number % 3])
            load.more()
            if number % 3 == 0:
                artifacts.try_on("three", 0.5)
                load.more()
                artifacts.end_canary()
            if number % 3 == 2:  # `three` served a moment ago, and may still be in somebody's hand
                gone = artifacts.find("three").id
                artifacts.remove("three")
                load.more()
                shutil.copytree(spare, artifacts.folder / "versions" / gone)
    assert load.failed == []
    assert set(load.answers) == {"one", "two", "three"}


def test_a_damaged_version_is_refused_and_the_old_one_serves_on(server: Server) -> None:
    artifacts = ArtifactStore(server.data / "models")
    artifacts.activate("one")
    until(lambda: recommended(server, "u00")["recommender"] == {"name": "one"})
    damaged = artifacts.find("two").id
    path = artifacts.folder / "versions" / damaged / "popularity.npy"
    whole = path.read_bytes()
    with Load(server) as load:
        load.more()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(ArtifactDamaged):
            artifacts.activate("two")
        load.more()
        # Even where it is put in service by force, as by a copy that went wrong.
        (artifacts.folder / "active").write_text(damaged)
        load.more(20)
        path.unlink()
        load.more(20)
    assert load.failed == []
    assert set(load.answers) == {"one"}
    path.write_bytes(whole)
    artifacts.activate("one")
    artifacts.activate("two")
    until(lambda: recommended(server, "u00")["recommender"] == {"name": "two"})


def test_a_canary_answers_for_its_share(server: Server) -> None:
    cdp("models", server.data, "use", "one")
    cdp("models", server.data, "canary", "three", "--share", "0.5")
    users = [f"u{number:02}" for number in range(40)]

    def names() -> dict[str, str]:
        return {user: recommended(server, user)["recommender"]["name"] for user in users}

    until(lambda: set(names().values()) == {"one", "three"})
    assert names() == names()
    listed = server.ask("{ recommenders { name active share } }")["recommenders"]
    assert {one["name"]: (one["active"], one["share"]) for one in listed} == {
        "one": (True, 0.5),
        "two": (False, 0.0),
        "three": (False, 0.5),
    }
    cdp("models", server.data, "canary", "--off")
    assert set(names().values()) == {"one"}
