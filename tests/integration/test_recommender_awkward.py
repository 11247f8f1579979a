"""Awkward data through import, worker, `cdp train` and the API: each has a clear answer."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import pytest
from shop import Shop

from cdp.bootstrap import build, opened
from cdp.cli.main import run
from cdp.settings import load
from graph_schema.model.time import to_iso

START = 1_790_000_000_000_000
MINUTE = 60_000_000
QUERY = """query($user: String!) {
  items(first: 100) { edges { node { id price { amount } attributes } } }
  recommenders { name active }
  recommend(identifier: {namespace: "user_id", value: $user}, first: 10, diversity: 0.5) {
    fallback recommender { model } edges { score node { id } reasons { kind share } } } }"""


class Installation:
    """A folder, spoken to by the command line and by GraphQL."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self._file = folder / "events.ndjson"

    def cdp(self, *arguments: str) -> int:
        return run([*arguments, "--data", str(self.data)])

    def take(self, *lines: str) -> None:
        """Imported and applied."""
        self._file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        assert self.cdp("import", str(self._file)) == 0
        assert self.cdp("worker", "--until-idle") == 0

    def ask(self, user: str) -> dict[str, Any]:
        async def asked() -> dict[str, Any]:
            async with opened(build(load({"CDP_DATA": str(self.data)}, {}))) as parts:
                return await Shop(parts).ask(QUERY, user=user)

        return asyncio.run(asked())


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def event(number: int, user: str, name: str, properties: str) -> str:
    """A line of a file; `properties` as text, for what no JSON library writes."""
    call = {
        "type": "track", "messageId": f"m{number}", "userId": user, "event": name,
        "timestamp": to_iso(START + number * MINUTE),
    }  # fmt: skip
    return json.dumps(call)[:-1] + f', "properties": {properties}}}'


def shown(found: dict[str, Any]) -> list[str]:
    return [edge["node"]["id"] for edge in found["recommend"]["edges"]]


def told(capsys: pytest.CaptureFixture[str]) -> str:
    output = capsys.readouterr()
    return f"{output.out}{output.err}"


def test_an_empty_graph(place: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert place.cdp("train") == 2
    assert "EMPTY_DATASET: There is nothing to learn from: 0 profiles and 0 items" in told(capsys)
    assert place.cdp("models", "watch") == 2
    assert "NO_ACTIVE_VERSION" in told(capsys)
    assert place.cdp("train", "--if-drifted") == 2
    found = place.ask("anybody")
    assert found["recommenders"] == []
    assert found["recommend"] == {"fallback": "NO_MODEL", "recommender": None, "edges": []}


def test_profiles_and_a_catalogue_without_any_interaction(
    place: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    place.take(event(1, "u1", "Signed Up", "{}"), '{"type": "item", "id": "i1", "price": 3}')
    assert place.cdp("train", "--model", "spectral") == 2
    assert "EMPTY_DATASET" in told(capsys)
    assert shown(place.ask("u1")) == []


@pytest.mark.parametrize("arguments", [(), ("--model", "spectral"), ("--model", "item_knn")])
def test_a_catalogue_of_one_item(place: Installation, arguments: tuple[str, ...]) -> None:
    place.take(
        *(event(n, f"u{n}", "Product Viewed", '{"product_id": "only"}') for n in range(30)),
        event(99, "u1", "Order Completed", '{"products": [{"product_id": "only"}]}'),
    )
    assert place.cdp("train", *arguments) == 0
    for user in ("u0", "nobody"):
        found = place.ask(user)
        assert shown(found) == ["only"]
        (edge,) = found["recommend"]["edges"]
        assert edge["reasons"] == [{"kind": "POPULAR", "share": 1.0}]
        assert math.isfinite(edge["score"])
        assert found["recommend"]["fallback"] is not None
    assert shown(place.ask("u1")) == []  # bought, and there is nothing else


NOT_NUMBERS = ("NaN", "Infinity", "-Infinity", "1e999", '"NaN"', '"inf"', "-1", "null", "{}", '"x"')


def test_prices_and_values_that_are_no_numbers(
    place: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no JSON is a dead letter with its line; what is no price is as if it were absent. What
    is left trains, and every score is a number."""
    odd = [
        event(n, f"u{n % 7}", "Product Viewed",
              f'{{"product_id": "i{n % 12}", "price": {value}, "quantity": {value}}}')
        for n, value in enumerate(NOT_NUMBERS * 3)
    ]  # fmt: skip
    orders = [
        event(100 + n, f"u{n % 7}", "Order Completed",
              f'{{"total": {value}, "products": [{{"product_id": "i{n}", "price": {value}}}]}}')
        for n, value in enumerate(NOT_NUMBERS)
    ]  # fmt: skip
    items = [
        f'{{"type": "item", "id": "i{n}", "price": {value}, "attributes": {{"weight": {value}}}}}'
        for n, value in enumerate(NOT_NUMBERS)
    ]
    plain = [
        event(200 + n, f"u{n % 7}", "Product Viewed", f'{{"product_id": "i{n % 12}", "price": 2}}')
        for n in range(60)
    ]
    place.take(*odd, *orders, *items, *plain)
    for model in ("spectral", "item_knn", "ease", "popularity"):
        assert place.cdp("train", "--model", model, "--name", model) == 0
        assert place.cdp("models", "use", model) == 0
        found = place.ask("u1")
        assert shown(found)
        for edge in found["recommend"]["edges"]:
            assert math.isfinite(edge["score"])
            assert sum(reason["share"] for reason in edge["reasons"]) == pytest.approx(1.0)
    for edge in found["items"]["edges"]:
        price = edge["node"]["price"]
        assert price is None or float(price["amount"]) >= 0
    assert place.cdp("check") == 0
    capsys.readouterr()
    assert place.cdp("evaluate", "recommender", "--json") == 0
    measured = json.loads(capsys.readouterr().out)
    assert all(math.isfinite(metric["value"]) for metric in measured)


def test_a_user_of_a_hundred_thousand_events(place: Installation) -> None:
    """One profile that touched everything, beside twenty people of one taste: it trains, she is
    answered, and so are the others. The usual model, which weighs a person's touches by how many they
    are, still shows them what is to their taste."""
    place.take(
        *(
            event(n, "busy", "Product Viewed", f'{{"product_id": "i{n % 50:02}"}}')
            for n in range(100_000)
        ),
        *(
            event(200_000 + n, f"u{n % 20}", "Product Viewed", f'{{"product_id": "i{n % 6:02}"}}')
            for n in range(100)
        ),
    )
    for model in ("item_knn", "spectral"):
        assert place.cdp("train", "--model", model, "--name", model) == 0
        assert place.cdp("models", "use", model) == 0
        for user in ("busy", "u1"):
            found = place.ask(user)
            assert found["recommend"]["fallback"] is None
            assert len(shown(found)) == 10
            scores = [edge["score"] for edge in found["recommend"]["edges"]]
            assert all(math.isfinite(score) and score > 0 for score in scores)
    assert int(shown(found)[0][1:]) < 6
