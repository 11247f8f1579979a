"""Training: what is stored, what stands beside it, and whether it may go in service."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gnn.artifacts import ArtifactStore
from gnn.dataset import Dataset
from gnn.errors import EmptyDataset, ModelNotNamed, UnknownModel
from gnn.recommender import Progress
from gnn.train import train
from graph_schema.store import ProfileInteraction


def tastes(people: int = 60) -> Dataset:
    """Two halves of people with two halves of items, over a thousand moments."""
    rng = np.random.default_rng(5)
    rows = []
    for at in range(2_000):
        user = int(rng.integers(people))
        item = int(rng.integers(15)) + user % 2 * 15
        rows.append(ProfileInteraction(f"u{user:02}", f"i{item:02}", 1, 0, at % 2, at, at))
    return Dataset.from_rows(rows)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path)


def test_a_version_tells_what_it_is(store: ArtifactStore) -> None:
    data = tastes()
    trained = train(data, store, model="spectral", parameters={"k": 8}, seed=9)
    version = trained.version
    assert store.find(version.name) == version
    assert version.model == "spectral"
    assert version.parameters["k"] == 8
    assert version.parameters["seed"] == 9
    assert (version.items, version.users) == (30, 60)
    assert version.interactions == data.pairs.user.size
    assert version.data_cutoff == 1_999
    assert version.graph_hash == data.graph_hash
    assert version.id.startswith("r_")


def test_the_baselines_stand_beside_it(store: ArtifactStore) -> None:
    trained = train(tastes(), store, model="spectral", parameters={"k": 8})
    assert set(trained.table) == {"spectral", "popularity", "item_knn"}
    assert {metric.baseline for metric in trained.version.metrics} == {
        None,
        "popularity",
        "item_knn",
    }
    own = [m for m in trained.version.metrics if m.baseline is None and m.name == "recall"]
    assert [m.value for m in own] == [trained.table["spectral"].recall]
    assert trained.table["spectral"].ndcg > trained.table["popularity"].ndcg
    assert trained.no_worse


def test_it_is_stored_and_not_put_in_service(store: ArtifactStore) -> None:
    train(tastes(), store, model="popularity")
    assert store.active_id() is None


def test_what_is_worse_than_the_one_in_service_says_so(store: ArtifactStore) -> None:
    good = train(tastes(), store, model="item_knn")
    assert good.no_worse
    store.activate(good.version.id)
    assert not train(tastes(), store, model="popularity").no_worse


def test_the_final_model_knows_the_newest_interactions(store: ArtifactStore) -> None:
    data = tastes()
    rows = [ProfileInteraction("u00", "newest", 1, 0, 0, 9_999, 9_999)]
    pairs = data.rows
    early = [
        ProfileInteraction(data.users[user], data.item_ids[item], 1, 0, int(buys), int(at), int(at))
        for user, item, buys, at in zip(
            pairs.user, pairs.item, pairs.purchases, pairs.last_at, strict=True
        )
    ]
    trained = train(Dataset.from_rows(early + rows), store, model="popularity")
    model = store.load(trained.version.id)
    assert model.catalogue.popularity[model.item_ids.index("newest")] > 0


def test_without_a_future_there_is_no_table(store: ArtifactStore) -> None:
    one_moment = [ProfileInteraction(f"u{n}", f"i{n % 3}", 1, 0, 0, 5, 5) for n in range(9)]
    trained = train(Dataset.from_rows(one_moment), store, model="popularity")
    assert trained.table == {}
    assert trained.version.metrics == ()
    assert trained.no_worse


def test_progress_goes_from_nothing_to_all(store: ArtifactStore) -> None:
    told: list[Progress] = []
    train(tastes(), store, model="spectral", parameters={"k": 4}, progress=told.append)
    shares = [step.done for step in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


def test_an_empty_graph_and_an_unknown_model_are_said(store: ArtifactStore) -> None:
    with pytest.raises(EmptyDataset):
        train(Dataset.from_rows([]), store)
    with pytest.raises(UnknownModel, match="Known: popularity, item_knn"):
        train(tastes(), store, model="oracle")
    assert store.versions() == []


def test_what_is_chosen_by_itself_says_why(store: ArtifactStore) -> None:
    trained = train(tastes(), store, budget_s=20.0)
    assert trained.choice is not None
    assert trained.version.model == trained.choice.name
    kept = store.find(trained.version.id)
    assert kept.reasons == trained.choice.reasons
    assert any("was taken" in reason for reason in kept.reasons)
    assert trained.table[trained.version.model].ndcg > trained.table["popularity"].ndcg


def test_several_processes_must_be_told_which_model(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ModelNotNamed):
        train(tastes(), store)


def test_only_the_first_process_stores(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    assert not train(tastes(), store, model="popularity").stored
    assert store.versions() == []


def test_the_figures_of_each_epoch_are_kept(store: ArtifactStore) -> None:
    pytest.importorskip("torch_geometric", reason="needs the gnn extra")
    small = {"dimensions": 8, "epochs": 3, "batch": 512}
    trained = train(tastes(), store, model="lightgcn", parameters=small)
    assert [figures["epoch"] for figures in trained.version.history] == [1, 2, 3]
    assert all(figures["loss"] > 0 for figures in store.find(trained.version.id).history)
