"""Training: what is stored, what stands beside it, and whether it may go in service."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from gnn.artifacts import ArtifactStore
from gnn.choice import Choice
from gnn.dataset import Dataset
from gnn.errors import EmptyDataset, ModelNotNamed, UnknownModel
from gnn.evaluate import Scores
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


# ── which version may serve ────────────────────────────────────────────────────────────────────


def measured(ndcg: float, within: float = 0.01) -> Scores:
    intervals = {"ndcg": (ndcg - within, ndcg + within)}
    return Scores(
        k=20, users=100, recall=ndcg, ndcg=ndcg, mrr=0, hit_rate=0, coverage=0, intervals=intervals
    )


def with_table(monkeypatch: pytest.MonkeyPatch, **ndcg: float) -> None:
    """Whatever is compared has these values."""
    module = importlib.import_module("gnn.train")
    table = {name: measured(value) for name, value in ndcg.items()}
    monkeypatch.setattr(module, "compare", lambda *_, **__: table)


@pytest.mark.parametrize(
    ("spectral", "popularity", "item_knn", "why"),
    [
        (0.30, 0.10, 0.20, None),
        (0.20, 0.10, 0.205, None),  # within the interval: chance
        (0.20, 0.10, 0.22, "below item_knn (0.2100 to 0.2300)"),
        (0.20, 0.201, 0.10, "below that of popularity"),
    ],
)
def test_what_is_measurably_below_a_baseline_is_not_used_and_it_is_said(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch,
    spectral: float, popularity: float, item_knn: float, why: str | None,
) -> None:  # fmt: skip
    with_table(monkeypatch, spectral=spectral, popularity=popularity, item_knn=item_knn)
    trained = train(tastes(), store, model="spectral", parameters={"k": 8})
    assert trained.version.model == "spectral"
    assert trained.no_worse is (why is None)
    assert trained.worse is None if why is None else why in (trained.worse or "")


@pytest.mark.parametrize(("later", "used"), [(0.295, True), (0.25, False)])
def test_against_the_one_in_service_chance_does_not_count(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, later: float, used: bool
) -> None:
    """What that one measured was another tenth of the data: without this nothing could be trained
    again where the newest tenth happens to be hard to foretell."""
    with_table(monkeypatch, spectral=0.3, popularity=0.1, item_knn=0.1)
    store.activate(train(tastes(), store, model="spectral", parameters={"k": 8}).version.id)
    with_table(monkeypatch, spectral=later, popularity=0.1, item_knn=0.1)
    again = train(tastes(), store, model="spectral", parameters={"k": 8})
    assert again.no_worse is used


def test_where_the_choice_turns_out_worse_than_a_baseline_that_one_is_trained(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The validation part liked ease; the newest tenth does not: item_knn serves, with the reason."""
    module = importlib.import_module("gnn.train")
    chosen = Choice(name="ease", parameters={}, scores={}, reasons=("ease was taken: it is best.",))
    monkeypatch.setattr(module, "choose", lambda *_, **__: chosen)
    with_table(monkeypatch, ease=0.20, popularity=0.10, item_knn=0.25)
    trained = train(tastes(), store)
    assert (trained.version.model, trained.no_worse) == ("item_knn", True)
    assert trained.version.reasons[0] == "ease was taken: it is best."
    assert trained.version.reasons[1].endswith("item_knn was taken instead.")
    own = [m.value for m in trained.version.metrics if m.name == "ndcg" and m.baseline is None]
    assert own == [0.25]
    with_table(monkeypatch, ease=0.20, popularity=0.10, item_knn=0.205)
    assert train(tastes(), store).version.model == "ease"
