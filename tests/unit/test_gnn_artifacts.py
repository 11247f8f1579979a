"""Versions on disk: what is stored comes back, and what is damaged is refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gnn.artifacts import ARRAYS, ArtifactStore, RecommenderVersion, new_id
from gnn.dataset import Dataset, ids_hash
from gnn.errors import (
    ArtifactDamaged,
    NoActiveVersion,
    UnknownVersion,
    VersionActive,
    VersionExists,
)
from gnn.evaluate import Metric
from gnn.models.item_knn import ItemKnn
from gnn.recommend import ServingModel
from gnn.recommender import Request
from graph_schema.model.item import Interaction, Item
from graph_schema.store import ProfileInteraction

HISTORY = (Interaction("i1", views=1, last_at=5), Interaction("cold", views=1, last_at=5))


def fitted() -> ServingModel:
    rng = np.random.default_rng(2)
    rows = [
        ProfileInteraction(f"u{n % 20}", f"i{rng.integers(12)}", 1, 0, 0, n, n) for n in range(300)
    ]
    items = [
        Item(id="cold", updated_at=0, name="Red hat", category="hats"),
        Item(id="i3", updated_at=0, name="Blue hat", category="hats"),
    ]
    return ItemKnn().fit(Dataset.from_rows(rows, items)).serving


def described(model: ServingModel, name: str, trained_at: int = 1) -> RecommenderVersion:
    return RecommenderVersion(
        id=new_id(),
        name=name,
        model="item_knn",
        trained_at=trained_at,
        data_cutoff=299,
        items=len(model.item_ids),
        users=20,
        interactions=200,
        metrics=(Metric(name="recall", k=20, value=0.25, baseline=None, split="temporal"),),
        parameters={"neighbours": 200, "weights": {"view": 1.0}},
        graph_hash="g",
        item_hash=ids_hash(model.item_ids),
        code_version="0",
    )


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "models")


@pytest.fixture
def good(store: ArtifactStore) -> RecommenderVersion:
    model = fitted()
    version = described(model, "good")
    store.save(version, model)
    store.activate("good")
    return version


def folder(store: ArtifactStore, version: RecommenderVersion) -> Path:
    return store.folder / "versions" / version.id


def test_a_version_comes_back_as_it_was(store: ArtifactStore, good: RecommenderVersion) -> None:
    request = Request(history=HISTORY, first=20)
    version, loaded = store.active()
    assert version == good
    assert loaded.recommend(request) == fitted().recommend(request)
    assert loaded.weights == fitted().weights
    assert loaded.similar_items("cold", first=1).items[0].item_id == "i3"


def test_nothing_in_service_is_said(store: ArtifactStore) -> None:
    assert store.versions() == []
    assert store.active_id() is None
    with pytest.raises(NoActiveVersion, match="cdp train"):
        store.active()


def test_rollback_by_name_and_by_id(store: ArtifactStore, good: RecommenderVersion) -> None:
    newer = described(fitted(), "newer", trained_at=2)
    store.save(newer, fitted())
    assert [version.name for version in store.versions()] == ["newer", "good"]
    assert store.active_id() == good.id
    store.activate("newer")
    assert store.active_id() == newer.id
    store.activate(good.id)
    assert store.active_id() == good.id


def test_names_are_given_once(store: ArtifactStore, good: RecommenderVersion) -> None:
    with pytest.raises(VersionExists, match="good"):
        store.save(described(fitted(), "good"), fitted())


def test_an_unknown_version_is_answered_with_the_known_ones(
    store: ArtifactStore, good: RecommenderVersion
) -> None:
    for ask in (store.load, store.activate, store.remove, store.find):
        with pytest.raises(UnknownVersion, match="Known: good"):
            ask("nonsense")


def test_the_active_version_is_not_removed(store: ArtifactStore, good: RecommenderVersion) -> None:
    with pytest.raises(VersionActive):
        store.remove("good")
    other = described(fitted(), "other")
    store.save(other, fitted())
    store.remove("other")
    assert [version.name for version in store.versions()] == ["good"]
    assert [path.name for path in (store.folder / "versions").iterdir()] == [good.id]


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


DAMAGES: dict[str, Callable[[Path], None]] = {
    "a shorter array": lambda at: shorten(at / "lists.weights.npy"),
    "one flipped bit": lambda at: flip(at / "lists.items.npy"),
    "a missing file": lambda at: (at / "popularity.npy").unlink(),
    "other items": lambda at: (at / "items.json").write_text('{"ids":["a"],"names":[null]}'),
    "a pickle": lambda at: (at / "categories.npy").write_bytes(pickle.dumps({})),
    "no description": lambda at: (at / "version.json").write_text("{"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_version_is_refused_and_the_old_one_serves_on(
    store: ArtifactStore, good: RecommenderVersion, damage: Callable[[Path], None]
) -> None:
    bad = described(fitted(), "bad")
    store.save(bad, fitted())
    damage(folder(store, bad))
    with pytest.raises((ArtifactDamaged, UnknownVersion)):
        store.activate("bad")
    version, model = store.active()
    assert version == good
    assert model.recommend(Request(history=HISTORY, first=3)).items


def forge(at: Path, name: str, array: np.ndarray) -> None:
    """Replaces an array and its hash: what a wrong writer, not a wrong disk, would leave."""
    import hashlib

    np.save(at / f"{name}.npy", array)
    description = json.loads((at / "version.json").read_text())
    digest = hashlib.sha256((at / f"{name}.npy").read_bytes()).hexdigest()
    description["files"][f"{name}.npy"] = digest
    (at / "version.json").write_text(json.dumps(description))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("lists.items", lambda a: a + 10_000, "does not exist"),
        ("lists.starts", lambda a: a[::-1].copy(), "do not begin at 0"),
        ("lists.starts", lambda a: a[:-1], "do not fit"),
        ("lists.weights", lambda a: a * np.float32("nan"), "not a number"),
        ("lists.weights", lambda a: a[:-1], "differ in length"),
        ("lists.weights", lambda a: a.astype(np.float64), "another type"),
        ("popularity", lambda a: a[:-1], "not those of its items"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(
    store: ArtifactStore,
    good: RecommenderVersion,
    name: str,
    change: Callable[[np.ndarray], np.ndarray],
    said: str,
) -> None:
    at = folder(store, good)
    forge(at, name, change(np.load(at / f"{name}.npy")))
    with pytest.raises(ArtifactDamaged, match=said):
        store.load("good")


def test_objects_are_not_unpickled(store: ArtifactStore, good: RecommenderVersion) -> None:
    forge(folder(store, good), "categories", np.array([{}], dtype=object))
    with pytest.raises(ArtifactDamaged):
        store.load("good")


def test_an_unfinished_version_is_not_seen(store: ArtifactStore, good: RecommenderVersion) -> None:
    (store.folder / "versions" / ".r_half").mkdir()
    (store.folder / "versions" / ".r_half" / "version.json").write_text("{}")
    assert [version.name for version in store.versions()] == ["good"]


def test_a_failed_write_leaves_nothing(
    store: ArtifactStore, good: RecommenderVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="no space"):
        store.save(described(fitted(), "next"), fitted())
    assert [path.name for path in (store.folder / "versions").iterdir()] == [good.id]


def test_what_is_stored_holds_no_user(store: ArtifactStore, good: RecommenderVersion) -> None:
    files = {path.name for path in folder(store, good).iterdir()}
    assert files == {
        "version.json",
        "items.json",
        "segments.json",
        *(f"{name}.npy" for name in ARRAYS),
    }
    assert "u1" not in (folder(store, good) / "items.json").read_text()
