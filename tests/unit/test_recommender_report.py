"""The report of a recommender: whole, self-contained, every value in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest

from cdp.evaluation.recommender_report import by_split, html
from gnn.artifacts import ArtifactStore, RecommenderVersion
from gnn.dataset import Dataset
from gnn.train import train
from graph_schema.store import ProfileInteraction

HISTORY = (
    {"epoch": 1.0, "loss": 0.7, "recall@20": 0.1},
    {"epoch": 2.0, "loss": 0.5, "recall@20": 0.2},
)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> RecommenderVersion:
    rng = np.random.default_rng(5)
    rows = []
    for at in range(2_000):
        user = int(rng.integers(60))
        item = int(rng.integers(15)) + user % 2 * 15
        rows.append(ProfileInteraction(f"u{user:02}", f"i{item:02}", 1, 0, at % 2, at, at))
    rows += [ProfileInteraction(f"late{n}", "i01", 1, 0, 1, 1_950 + n, 1_950 + n) for n in range(9)]
    store = ArtifactStore(tmp_path_factory.mktemp("models"))
    found = train(Dataset.from_rows(rows), store, model="item_knn").version
    return msgspec.structs.replace(found, reasons=("<b>because</b>",), history=HISTORY)


VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Which elements are still open, and what the page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_it_is_whole_and_loads_nothing(version: RecommenderVersion) -> None:
    reader = Reader()
    page = html(version)
    reader.feed(page)
    reader.close()
    assert reader.open == ["html"] or reader.open == []
    assert reader.addresses == []
    assert not re.search(r"<script|url\(|@import|https?://", page)
    for plot in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(plot)
    assert page.count("<svg") == 5


def test_every_value_stands_beside_its_baseline(version: RecommenderVersion) -> None:
    whole, *slices = by_split(version)
    assert whole.models == ["item_knn", "popularity"]
    page = html(version)
    for metric in whole.of["item_knn"].values():
        if metric.name != "users":
            assert f"{metric.value:.4f}" in page
    assert f"{whole.value('item_knn', 'users'):,.0f} profiles" in page
    assert {values.split for values in slices} == {"temporal, users without a past"}
    low = whole.of["item_knn"]["recall"].low
    assert low is not None
    assert f"({low:.4f}–" in page


def test_reasons_and_epochs_are_told_and_cannot_become_markup(version: RecommenderVersion) -> None:
    page = html(version)
    assert "&lt;b&gt;because&lt;/b&gt;" in page
    assert "1, loss: 0.7" in page
    assert "2, recall@20: 0.2" in page


def test_where_nothing_was_compared_that_is_said(
    version: RecommenderVersion, tmp_path: Path
) -> None:
    page = html(msgspec.structs.replace(version, metrics=(), reasons=(), history=()))
    assert "nothing was compared" in page
    assert "<svg" not in page
