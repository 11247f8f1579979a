"""Split files of the benchmarks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gnn.errors import BadSplitFile
from gnn.files import read_split


def write_npz(path: Path, **changed: object) -> Path:
    arrays: dict[str, object] = {
        "n_users": np.int32(3),
        "n_items": np.int32(4),
        "train_user": np.array([0, 0, 1], np.int32),
        "train_item": np.array([0, 3, 1], np.int32),
        "test_user": np.array([1], np.int32),
        "test_item": np.array([3], np.int32),
    }
    arrays.update(changed)
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})  # type: ignore[arg-type]
    return path


def test_an_npz_gives_both_parts_over_the_same_ids(tmp_path: Path) -> None:
    split = read_split(write_npz(tmp_path / "a.npz"))
    assert len(split.train.users) == len(split.test.users) == 3
    assert split.train.item_ids == split.test.item_ids
    assert split.train.pairs.item.tolist() == [0, 3, 1]
    assert split.train.pairs.purchases.tolist() == [1, 1, 1]
    assert split.test.pairs.item.tolist() == [3]
    assert split.train.cutoff < split.test.rows.first_at.min()


def write_parquet(folder: Path, events: list[str]) -> Path:
    count = len(events)
    table = {
        "user": pa.array([0] * count, pa.int32()),
        "item": pa.array(range(count), pa.int32()),
        "event": pa.array(events).dictionary_encode(),
        "ts": pa.array([100] * count, pa.int64()),
    }
    pq.write_table(pa.table(table), folder / "shop-events.parquet")
    pq.write_table(pa.table({"user": [0], "item": [5]}), folder / "shop-test.parquet")
    return folder / "shop-events.parquet"


def test_a_pair_of_parquet_files_keeps_behaviours_and_times(tmp_path: Path) -> None:
    split = read_split(write_parquet(tmp_path, ["view", "cart", "buy", "fav"]))
    pairs = split.train.pairs
    assert pairs.views.tolist() == [1, 0, 0, 1]
    assert pairs.carts.tolist() == [0, 1, 0, 0]
    assert pairs.purchases.tolist() == [0, 0, 1, 0]
    assert pairs.last_at.tolist() == [100_000_000] * 4
    assert len(split.train.items) == 6
    assert split.test.rows.first_at.min() > 100_000_000


@pytest.mark.parametrize(
    "broken",
    [
        lambda at: write_npz(at / "a.npz", test_user=None),
        lambda at: write_npz(at / "a.npz", n_items=np.int32(2)),
        lambda at: write_npz(at / "a.npz", train_user=np.array([{}], dtype=object)),
        lambda at: write_parquet(at, ["view", "dance"]),
        lambda at: at / "missing.npz",
        lambda at: at / "missing-events.parquet",
        lambda at: at / "some.csv",
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, broken) -> None:  # type: ignore[no-untyped-def]
    path = broken(tmp_path)
    with pytest.raises(BadSplitFile, match=path.name):
        read_split(path)


def test_a_file_cut_short_is_named(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "a.npz")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BadSplitFile, match=path.name):
        read_split(path)
