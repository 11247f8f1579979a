"""Reads interactions from files of the research splits, for benchmarks and tests.

- `NAME.npz` as of LightGCN's splits: `n_users n_items train_user train_item test_user test_item`,
  no times; a train pair counts as one purchase at time 0, a test pair as one at time 1.
- `NAME-events.parquet` (user, item, event, ts in seconds) with `NAME-test.parquet` (user, item)
  beside it: the purchases to foretell, which come after all events.
- `NAME.parquet` (user, item, rating, ts in seconds), with `NAME-items.parquet` (item, title, year,
  genres) where there is one: a rating of 4 or more counts as a purchase, another one as a view. The
  newest fifth is the test part.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gnn import split
from gnn.arrays import Int32s, Int64s
from gnn.dataset import Dataset
from gnn.errors import BadSplitFile
from gnn.rows import Columns
from graph_schema.model.item import Item

SECOND = 1_000_000
LIKED_FROM = 4
NEWEST = 0.2
COLUMN_OF_EVENT = {"view": 0, "fav": 0, "cart": 1, "buy": 2}
NPZ_ARRAYS = ("n_users", "n_items", "train_user", "train_item", "test_user", "test_item")


class SplitFile(NamedTuple):
    """A given split over the same users and items."""

    train: Dataset
    test: Dataset


def read_split(path: Path) -> SplitFile:
    """Reads a split file of either form. Errors: BadSplitFile."""
    try:
        if path.suffix == ".npz":
            return _read_npz(path)
        if path.name.endswith("-events.parquet"):
            return _read_events(path)
        cut = split.by_share(read_ratings(path), NEWEST)
        return SplitFile(cut.train, cut.test)
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


def read_ratings(path: Path) -> Dataset:
    """Ratings with what is known of the items. Errors: OSError, KeyError, ValueError."""
    from pyarrow.parquet import read_table

    ratings = read_table(path)
    user, item, rating, seconds = (
        ratings[name].to_numpy() for name in ("user", "item", "rating", "ts")
    )
    liked = (rating >= LIKED_FROM).astype(np.int32)
    at = seconds.astype(np.int64) * SECOND
    rows = Columns(
        user.astype(np.int32), item.astype(np.int32), 1 - liked, np.zeros_like(liked), liked, at, at
    )
    size = (1 + int(user.max()), 1 + int(item.max()))
    return _dataset(size, rows, _read_items(path.with_name(f"{path.stem}-items.parquet")))


def _read_items(path: Path) -> dict[int, Item]:
    from pyarrow.parquet import read_table

    if not path.exists():
        return {}
    return {
        row["item"]: Item(
            id=f"{row['item']:08}",
            updated_at=0,
            name=row["title"],
            attributes={"year": row["year"], "genres": row["genres"].split()},
        )
        for row in read_table(path).to_pylist()
    }


def _read_events(path: Path) -> SplitFile:
    from pyarrow.parquet import read_table

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


def _dataset(
    size: tuple[int, int], rows: Columns, known: Mapping[int, Item] = MappingProxyType({})
) -> Dataset:
    """Ids are the numbers with leading zeros, so that their order is the file's."""
    users, items = size
    if rows.user.size and (rows.user.max() >= users or rows.item.max() >= items):
        raise ValueError("a user or an item lies outside the given numbers")
    return Dataset(
        [f"{number:08}" for number in range(users)],
        [known.get(number) or Item(id=f"{number:08}", updated_at=0) for number in range(items)],
        rows,
    )
