"""Reads interactions from files of the research splits, for benchmarks and tests.

- `NAME.npz` as of LightGCN's splits: `n_users n_items train_user train_item test_user test_item`,
  no times; a train pair counts as one purchase at time 0, a test pair as one at time 1.
- `NAME-events.parquet` (user, item, event, ts in seconds) with `NAME-test.parquet` (user, item)
  beside it: the purchases to foretell, which come after all events.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gnn.arrays import Int32s, Int64s
from gnn.dataset import Dataset
from gnn.errors import BadSplitFile
from gnn.rows import Columns
from graph_schema.model.item import Item

SECOND = 1_000_000
COLUMN_OF_EVENT = {"view": 0, "fav": 0, "cart": 1, "buy": 2}
NPZ_ARRAYS = ("n_users", "n_items", "train_user", "train_item", "test_user", "test_item")


class SplitFile(NamedTuple):
    """A given split over the same users and items."""

    train: Dataset
    test: Dataset


def read_split(path: Path) -> SplitFile:
    """Reads a split file of either form. Errors: BadSplitFile."""
    try:
        return _read_npz(path) if path.suffix == ".npz" else _read_parquet(path)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BadSplitFile(path=path, reason=str(error)) from error


def _read_npz(path: Path) -> SplitFile:
    # Opened here: NumPy leaves a file open that turns out to be no archive.
    with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
        users, items, *pairs = (file[name] for name in NPZ_ARRAYS)
    size = (int(users), int(items))
    return SplitFile(
        _dataset(size, _purchases(pairs[0], pairs[1], at=0)),
        _dataset(size, _purchases(pairs[2], pairs[3], at=1)),
    )


def _read_parquet(path: Path) -> SplitFile:
    from pyarrow.parquet import read_table

    if not path.name.endswith("-events.parquet"):
        raise ValueError("its name does not end in -events.parquet")
    events = read_table(path)
    user, item, seconds = (events[name].to_numpy() for name in ("user", "item", "ts"))
    behaviour = np.array([COLUMN_OF_EVENT[name] for name in events["event"].to_pylist()])
    counts = (behaviour[:, None] == np.arange(3)).astype(np.int32)
    at = seconds.astype(np.int64) * SECOND
    views, carts, purchases = counts.T.copy()
    train = Columns(user.astype(np.int32), item.astype(np.int32), views, carts, purchases, at, at)
    targets = read_table(path.with_name(path.name.replace("-events.", "-test.")))
    wanted = _purchases(
        targets["user"].to_numpy(), targets["item"].to_numpy(), at=int(at.max()) + 1
    )
    size = (
        1 + max(int(user.max()), int(wanted.user.max())),
        1 + max(int(item.max()), int(wanted.item.max())),
    )
    return SplitFile(_dataset(size, train), _dataset(size, wanted))


def _purchases(user: npt.NDArray[np.integer], item: npt.NDArray[np.integer], at: int) -> Columns:
    none: Int32s = np.zeros(len(user), np.int32)
    times: Int64s = np.full(len(user), at, np.int64)
    return Columns(user.astype(np.int32), item.astype(np.int32), none, none, none + 1, times, times)


def _dataset(size: tuple[int, int], rows: Columns) -> Dataset:
    """Ids are the numbers with leading zeros, so that their order is the file's."""
    users, items = size
    if rows.user.size and (rows.user.max() >= users or rows.item.max() >= items):
        raise ValueError("a user or an item lies outside the given numbers")
    return Dataset(
        [f"{number:08}" for number in range(users)],
        [Item(id=f"{number:08}", updated_at=0) for number in range(items)],
        rows,
    )
