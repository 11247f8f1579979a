"""Runs recommenders on a split file and prints one row each, popularity among them as the peer.

A file is an .npz with a given split (the form of LightGCN's), or NAME-events.parquet with
NAME-test.parquet beside it. The model `default` is what `cdp train` would choose on a CPU for data
of that size; parameters are the defaults, whatever the file. `implicit_als` and `implicit_bm25` are
peers of another library (`pip install -c constraints.txt '.[bench]'`). `--minutes` bounds the fit of
the models that learn by gradients.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import peers

from gnn import models
from gnn.choice import usual
from gnn.evaluate import NEW_AMONG_NEW, Scores, evaluate
from gnn.files import SplitFile, read_split

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    arguments = _parser().parse_args()
    files = arguments.data or _shared_files()
    if not files:
        print("no data: give --data FILE, or set CDP_TEST_DATA to the folder of the test data")
        return 0
    for path in files:
        split = read_split(path)
        peer: dict[str, object] | None = None
        for name in arguments.models.split(","):
            row = measure(
                path.name, split, name, arguments.seed, arguments.mask_seen, arguments.minutes
            )
            peer = row if row["chosen"] == "popularity" else peer
            _show(row, peer, as_json=arguments.json)
    return 0


def measure(
    data: str,
    split: SplitFile,
    name: str,
    seed: int,
    mask_seen: bool,
    minutes: float | None = None,
) -> dict[str, object]:
    """Fits one model on the split's training part and measures it on the test part."""
    if name in peers.NAMES:
        found = peers.measure(name, split, seed, mask_seen=mask_seen)
        return _row(data, name, name, {}, found.scores, found.fit_s, found.evaluate_s)
    chosen = usual(split.train) if name == models.DEFAULT else name
    bounded = {"minutes": minutes} if minutes is not None and chosen in models.TRAINED else {}
    model = models.create(chosen, **bounded)
    began = time.perf_counter()
    model.fit(split.train, seed=seed)
    fitted = time.perf_counter()
    scores = evaluate(model.serving, split.train, split.test, k=20, mask_seen=mask_seen)
    seconds = (fitted - began, time.perf_counter() - fitted)
    return _row(data, name, chosen, model.parameters, scores, *seconds)


def _row(
    data: str,
    name: str,
    chosen: str,
    parameters: dict[str, object],
    scores: Scores,
    fit_s: float,
    evaluate_s: float,
) -> dict[str, object]:
    new = scores.slices.get(NEW_AMONG_NEW)
    return {
        "data": data,
        "model": name,
        "chosen": chosen,
        "recall@20": round(scores.recall, 5),
        "ndcg@20": round(scores.ndcg, 5),
        "mrr@20": round(scores.mrr, 5),
        "hit_rate@20": round(scores.hit_rate, 5),
        "coverage@20": round(scores.coverage, 5),
        "new_items_recall@20": None if new is None else round(new.recall, 5),
        "fit_seconds": round(fit_s, 2),
        "evaluate_seconds": round(evaluate_s, 2),
        "users": scores.users,
        "parameters": parameters,
    }


def _show(row: dict[str, object], peer: dict[str, object] | None, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(row), flush=True)
        return
    beside, new = "", ""
    if peer and peer["recall@20"]:
        beside = f"  x{float(str(row['recall@20'])) / float(str(peer['recall@20'])):.2f} popularity"
    if row["new_items_recall@20"] is not None:
        new = f"  new items among themselves {row['new_items_recall@20']:.3f}"
    print(
        f"{row['data']:28} {row['model']:13} recall@20 {row['recall@20']:.4f}"
        f"  ndcg@20 {row['ndcg@20']:.4f}  fit {row['fit_seconds']:7.1f} s{beside}{new}",
        flush=True,
    )


def _shared_files() -> list[Path]:
    folder = Path(os.environ.get("CDP_TEST_DATA", ROOT.parent / "shared" / "data")) / "rec"
    names = (
        "gowalla.npz",
        "retail_rocket-events.parquet",
        "tmall-events.parquet",
        "ml-100k.parquet",
    )
    return [folder / name for name in names if (folder / name).exists()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, action="append", help="a split file; repeatable")
    parser.add_argument("--models", default="popularity,default", help="names, with commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, help="for each fit by gradients at most")
    parser.add_argument("--mask-seen", action="store_true", help="leave out all that was touched")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


if __name__ == "__main__":
    sys.exit(main())
