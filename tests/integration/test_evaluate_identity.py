"""`cdp evaluate identity` on a small shop that went through the product."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from cdp.bootstrap import build, opened
from cdp.cli.main import run
from cdp.evaluation.gather import gather
from cdp.settings import load
from identity.evaluation.rehearse import under
from identity.evaluation.subjects import ResolvedGraph, owners

PEOPLE = 90


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `truth` and `data`, the log applied."""
    folder = tmp_path_factory.mktemp("shop")
    truth, data = str(folder / "truth"), str(folder / "data")
    simulation = ["--people", str(PEOPLE), "--days", "20", "--until", "2026-03-01T00:00:00Z"]
    assert run(["simulate", "--out", truth, *simulation]) == 0
    assert (
        run(["import", "--data", data, f"{truth}/items.ndjson", f"{truth}/events.ndjson.gz"]) == 0
    )
    assert run(["worker", "--data", data, "--until-idle"]) == 0
    return folder


def evaluate(shop: Path, *options: str) -> int:
    return run(["evaluate", "identity", "--data", str(shop / "data"), *options])


def graph_of(shop: Path) -> ResolvedGraph:
    async def read() -> ResolvedGraph:
        async with opened(build(load({"CDP_DATA": str(shop / "data")}))) as parts:
            return await gather(parts.store, parts.rules)

    return asyncio.run(read())


def test_everything_as_json(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = str(shop / "truth")
    assert evaluate(shop, "--truth", truth, "--mask-logins", "0.3", "--seed", "4", "--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    rows = {(row["level"], row["scope"], row["method"]): row for row in found["rows"]}
    assert {level for level, _, _ in rows} == {"sessions", "events", "identifiers"}
    assert found["absent_events"] == 0
    own = rows["sessions", "saw a login, without shared", "graph"]
    assert own["pairwise"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert own["elements"] > 100
    product = rows["sessions", "all", "graph"]["pairwise"]
    assert (
        product["precision"]
        > rows["sessions", "all", "connected components"]["pairwise"]["precision"]
    )
    false = sum(entry["pairs"] for entry in found["false_pairs"])
    missed = sum(entry["pairs"] for entry in found["missed_pairs"])
    right = product["precision"] / (1 - product["precision"]) * false
    assert right / (right + missed) == pytest.approx(product["recall"])
    assert all("own" not in entry["device"] for entry in found["false_pairs"])
    masked = found["masked"]
    assert (masked["share"], masked["seed"]) == (0.3, 4)
    assert 0.2 < masked["hidden"] / masked["logins"] < 0.4
    for method in masked["methods"].values():
        assert method["right"] + method["wrong"] + method["nobody"] == masked["hidden"]


def test_tables_and_the_report(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = shop / "report.html"
    truth = str(shop / "truth")
    options = ("--truth", truth, "--mask-logins", "0.2", "--report", str(report))
    assert evaluate(shop, *options) == 0
    shown = capsys.readouterr().out
    for part in ("first login wins", "false pairs", "missed pairs", "logins hidden", "household"):
        assert part in shown
    assert report.read_text("utf-8").count("<svg") == 4


def test_logins_can_be_hidden_without_a_truth(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(shop, "--mask-logins", "0.5", "--json") == 0
    assert set(json.loads(capsys.readouterr().out)) == {"masked"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "Give --truth DIR, or --mask-logins SHARE"),
        (("--mask-logins", "0"), "a share above 0"),
        (("--mask-logins", "1.1"), "a share above 0"),
        (("--mask-logins", "nan"), "a share above 0"),
        (("--truth", "/nowhere/at/all"), "is no truth.csv"),
    ],
)
def test_wrong_use_is_one_sentence(
    shop: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], sentence: str
) -> None:
    assert evaluate(shop, *options) == 2
    assert sentence in capsys.readouterr().err


def test_what_is_read_is_what_the_rule_says(shop: Path) -> None:
    """The graph on disk, read session by session: nothing is lost, and all its evidence resolved at
    once gives the same profiles; its sessions cut anew are the same."""
    graph = graph_of(shop)
    told = (shop / "truth" / "truth.csv").read_text("utf-8").splitlines()[1:]
    assert {line.split(",")[0] for line in told} == {h.message_id for h in graph.events()}
    again = under(graph, build(load({"CDP_DATA": str(shop / "data")})).rules)
    profiles = {(s.profile, t.profile) for s, t in zip(graph.sessions, again.sessions, strict=True)}
    assert len(profiles) == len({one for one, _ in profiles}) == len({two for _, two in profiles})
    assert {key: i.status for key, i in graph.identifiers.items()} == {
        key: i.status for key, i in again.identifiers.items()
    }
    owned = owners(graph.events())
    assert all(owned[h.message_id] == s.owner for s in graph.sessions for h in s.events)


def test_merges_are_those_of_the_change_feed(shop: Path) -> None:
    merged = graph_of(shop).merged
    assert len(merged) > PEOPLE / 2
    assert all(size >= 2 for size in merged)
