"""`cdp models`: list, use, remove; what is wrong is said and nothing changes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cdp.cli.main import run
from gnn.artifacts import ArtifactStore
from gnn.dataset import Dataset
from gnn.train import train
from graph_schema.store import ProfileInteraction


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two versions, the second one in service."""
    rng = np.random.default_rng(1)
    rows = [
        ProfileInteraction(f"u{rng.integers(9)}", f"i{rng.integers(6)}", 1, 0, at % 2, at, at)
        for at in range(300)
    ]
    store = ArtifactStore(tmp_path / "models")
    for name in ("old", "new"):
        store.activate(
            train(Dataset.from_rows(rows), store, model="item_knn", name=name).version.id
        )
    return tmp_path


def asked(data: Path, *arguments: str) -> int:
    return run(["models", *arguments, "--data", str(data)])


def active(data: Path) -> str:
    store = ArtifactStore(data / "models")
    return store.active()[0].name


def test_they_are_listed_with_the_one_in_service(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(data, "list", "--json") == 0
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert {name: one["active"] for name, one in found.items()} == {"old": False, "new": True}
    assert asked(data, "list") == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if "item_k" in line]
    assert [("yes" in row, "new" in row) for row in rows] in (
        [(True, True), (False, False)],
        [(False, False), (True, True)],
    )


def test_back_to_an_older_one_by_name(data: Path) -> None:
    assert asked(data, "use", "old") == 0
    assert active(data) == "old"


def test_a_damaged_one_is_refused_and_the_other_serves_on(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ArtifactStore(data / "models")
    path = data / "models" / "versions" / store.find("old").id / "lists.weights.npy"
    path.write_bytes(path.read_bytes()[:-4] + b"\xff\xff\xff\xff")
    assert asked(data, "use", "old") == 2
    assert "ARTIFACT_DAMAGED" in capsys.readouterr().err
    assert active(data) == "new"


def test_only_what_is_not_in_service_is_removed(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(data, "remove", "new") == 2
    assert "VERSION_ACTIVE" in capsys.readouterr().err
    assert asked(data, "remove", "old") == 0
    assert [one.name for one in ArtifactStore(data / "models").versions()] == ["new"]


def test_a_canary_is_listed_and_ended(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def shares() -> dict[str, float]:
        capsys.readouterr()
        assert asked(data, "list", "--json") == 0
        return {one["name"]: one["share"] for one in json.loads(capsys.readouterr().out)}

    assert asked(data, "canary", "old", "--share", "0.25") == 0
    assert shares() == {"old": 0.25, "new": 0.75}
    assert asked(data, "list") == 0
    assert "canary" in capsys.readouterr().out
    assert asked(data, "remove", "old") == 2
    assert "VERSION_ACTIVE" in capsys.readouterr().err
    assert asked(data, "canary", "--off") == 0
    assert shares() == {"old": 0.0, "new": 1.0}
    assert asked(data, "canary", "old") == 0
    assert asked(data, "use", "old") == 0
    assert shares() == {"old": 1.0, "new": 0.0}


@pytest.mark.parametrize(
    "arguments",
    [("new",), ("old", "--share", "1"), ("old", "--share", "0"), ("nobody",), ()],
)
def test_a_canary_is_another_version_with_a_share(data: Path, arguments: tuple[str, ...]) -> None:
    assert asked(data, "canary", *arguments) == 2
    assert ArtifactStore(data / "models").in_service().canary is None


def test_a_damaged_canary_is_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = ArtifactStore(data / "models")
    path = data / "models" / "versions" / store.find("old").id / "segments.shares.npy"
    path.write_bytes(path.read_bytes()[:-4] + b"\xff\xff\xff\xff")
    assert asked(data, "canary", "old") == 2
    assert "ARTIFACT_DAMAGED" in capsys.readouterr().err
    assert store.in_service().canary is None


@pytest.mark.parametrize("arguments", [("use",), ("remove",), ("use", "nobody")])
def test_a_name_is_needed_and_must_be_known(
    data: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(data, *arguments) == 2
    assert capsys.readouterr().err
    assert active(data) == "new"
