"""Models on real shops and check-ins. Needs the public data sets (CDP_TEST_DATA)."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from gnn import models
from gnn.artifacts import ArtifactStore
from gnn.choice import usual
from gnn.dataset import Dataset
from gnn.evaluate import evaluate
from gnn.files import SplitFile, read_split
from gnn.models.base import ListModel
from gnn.models.popularity import Popularity
from gnn.recommend import LONGEST_HISTORY
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
    "spectral": {"k": 128, "width": 100, "passes": 3, "shape": (0.3, 0.4, 0.08, 0.6)},
    "lightgcn": {"dimensions": 32, "epochs": 25},
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


@cache
def fitted(name: str) -> ListModel:
    return models.create(name, **QUICK[name]).fit(retailrocket().train)


@pytest.mark.parametrize("name", QUICK)
def test_popularity_is_beaten_on_the_next_purchase(name: str) -> None:
    if name in models.TRAINED:
        pytest.importorskip("torch_geometric", reason="needs the gnn extra")
    data = retailrocket()
    scores = evaluate(fitted(name).serving, data.train, data.test)
    assert scores.users == 2_174
    assert scores.recall > 1.1 * popular_recall()


def test_a_version_trained_on_its_own_temporal_split_beats_popularity(tmp_path: Path) -> None:
    """What `cdp train` does: cut by time, compare, fit on all, store, load."""
    store = ArtifactStore(tmp_path)
    trained = train(retailrocket().train, store, model="spectral", parameters=QUICK["spectral"])
    assert trained.table["spectral"].ndcg > trained.table["popularity"].ndcg
    assert trained.no_worse
    assert store.activate(trained.version.name).item_ids == retailrocket().train.item_ids


def histories(data: Dataset) -> list[list[Interaction]]:
    """Of each user, in the order of the ids."""
    found: list[list[Interaction]] = [[] for _ in data.users]
    for user, item, *rest in zip(*(column.tolist() for column in data.pairs), strict=True):
        found[user].append(Interaction(data.item_ids[item], *rest))
    return found


def test_reasons_are_faithful_for_a_thousand_real_people() -> None:
    """Without the item that is named first, the score falls by its share."""
    model = fitted("spectral").serving
    asked = 0
    for history in histories(retailrocket().train)[:1_000]:
        answer = model.recommend(Request(history=history, first=1))
        # The newest touch sets the clock of the decay; beyond the limit another touch moves up.
        newest = max(touch.last_at for touch in history)
        if answer.fallback or len(history) > LONGEST_HISTORY:
            continue
        best = answer.items[0]
        named = best.reasons[0]
        rest = [touch for touch in history if touch.item_id != named.item_id]
        if newest != max((touch.last_at for touch in rest), default=0):
            continue
        alone = np.zeros(len(model.item_ids), np.bool_)
        alone[model.item_ids.index(best.item_id)] = True
        left = model.recommend(Request(history=rest, first=1, allowed=alone))
        score = 0.0 if left.fallback else left.items[0].score
        assert score == pytest.approx(best.score * (1 - named.share), rel=1e-5, abs=1e-9)
        asked += 1
    assert asked > 300


def test_gowalla_is_read_whole() -> None:
    data = read_split(DATA / "gowalla.npz")
    assert data.train.rows.user.size == 810_128
    assert data.test.rows.user.size == 217_242
    assert usual(data.train) == "spectral"
