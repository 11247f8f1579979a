"""Models on real shops and check-ins. Needs the public data sets (CDP_TEST_DATA)."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from gnn import models, split
from gnn.artifacts import ArtifactStore
from gnn.evaluate import evaluate
from gnn.files import SplitFile, read_split
from gnn.models.popularity import Popularity
from gnn.recommender import Request
from gnn.train import train
from graph_schema.model.item import Interaction

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("CDP_TEST_DATA", ROOT.parent / "shared" / "data")) / "rec"

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no test data: set CDP_TEST_DATA ({DATA})"),
]
QUICK: dict[str, dict[str, object]] = {
    "spectral": {"k": 256, "width": 100},
    "lightgcn": {"dimensions": 32, "epochs": 40},
}


@cache
def retailrocket() -> SplitFile:
    return read_split(DATA / "retail_rocket-events.parquet")


@cache
def popular_recall() -> float:
    data = retailrocket()
    return evaluate(Popularity().fit(data.train).serving, data.train, data.test).recall


def test_retailrocket_is_read_whole() -> None:
    rows = retailrocket().train.rows
    assert rows.user.size == 97_381
    assert (rows.views.sum(), rows.carts.sum(), rows.purchases.sum()) == (75_374, 12_456, 9_551)


@pytest.mark.parametrize("name", ["item_knn", "spectral", "lightgcn"])
def test_popularity_is_beaten_on_the_next_purchase(name: str) -> None:
    if name == "lightgcn":
        pytest.importorskip("torch_geometric", reason="needs the gnn extra")
    data = retailrocket()
    model = models.create(name, **QUICK.get(name, {})).fit(data.train)
    scores = evaluate(model.serving, data.train, data.test)
    assert scores.users == 2_174
    assert scores.recall > 1.1 * popular_recall()


def test_a_version_trained_on_its_own_temporal_split_beats_popularity(tmp_path: Path) -> None:
    """What `cdp train` does: cut by time, compare, fit on all, store, load."""
    store = ArtifactStore(tmp_path)
    trained = train(retailrocket().train, store, model="spectral", parameters=QUICK["spectral"])
    assert trained.table["spectral"].ndcg > trained.table["popularity"].ndcg
    assert trained.no_worse
    assert store.activate(trained.version.name).item_ids == retailrocket().train.item_ids


def test_reasons_are_faithful_for_real_people() -> None:
    """Without the item that is named first, the score falls by its share."""
    data = retailrocket().train
    parts = split.by_share(data)
    model = models.create("spectral", **QUICK["spectral"]).fit(parts.train).serving
    asked = 0
    for user in np.unique(parts.train.pairs.user)[:1_000]:
        rows = parts.train.pairs.where(parts.train.pairs.user == user)
        history = [
            Interaction(model.item_ids[row[1]], *row[2:])
            for row in zip(*(column.tolist() for column in rows), strict=True)
        ]
        answer = model.recommend(Request(history=history, first=1))
        if answer.fallback or len(history) < 2:
            continue
        best = answer.items[0]
        named = best.reasons[0]
        newest = max(history, key=lambda touch: touch.last_at)
        if named.item_id == newest.item_id:
            continue  # the newest touch sets the clock of the decay
        rest = [touch for touch in history if touch.item_id != named.item_id]
        left = {
            item.item_id: item.score
            for item in model.recommend(Request(history=rest, first=2_000)).items
            if item.reasons[0].item_id is not None
        }
        expected = best.score * (1 - named.share)
        assert left.get(best.item_id, 0.0) == pytest.approx(expected, rel=1e-5, abs=1e-9)
        asked += 1
    assert asked > 100


def test_gowalla_is_read_whole() -> None:
    data = read_split(DATA / "gowalla.npz")
    assert data.train.rows.user.size == 810_128
    assert data.test.rows.user.size == 217_242
    assert models.default_for(data.train) == "spectral"
