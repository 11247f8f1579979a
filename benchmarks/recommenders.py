"""Runs recommenders on a split file and prints one row each, popularity among them as the peer.

A file is an .npz with a given split (the form of LightGCN's), or NAME-events.parquet with
NAME-test.parquet beside it. The model `default` is what `cdp train` would choose on a CPU for data
of that size; parameters are the defaults, whatever the file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from gnn import models
from gnn.choice import usual
from gnn.evaluate import evaluate
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
            row = measure(path.name, split, name, arguments.seed, arguments.mask_seen)
            peer = row if row["chosen"] == "popularity" else peer
            _show(row, peer, as_json=arguments.json)
    return 0


def measure(
    data: str, split: SplitFile, name: str, seed: int, mask_seen: bool
) -> dict[str, object]:
    """Fits one model on the split's training part and measures it on the test part."""
    chosen = usual(split.train) if name == models.DEFAULT else name
    model = models.create(chosen)
    began = time.perf_counter()
    model.fit(split.train, seed=seed)
    fitted = time.perf_counter()
    scores = evaluate(model.serving, split.train, split.test, k=20, mask_seen=mask_seen)
    return {
        "data": data,
        "model": name,
        "chosen": chosen,
        "recall@20": round(scores.recall, 5),
        "ndcg@20": round(scores.ndcg, 5),
        "mrr@20": round(scores.mrr, 5),
        "hit_rate@20": round(scores.hit_rate, 5),
        "coverage@20": round(scores.coverage, 5),
        "fit_seconds": round(fitted - began, 2),
        "evaluate_seconds": round(time.perf_counter() - fitted, 2),
        "users": scores.users,
        "parameters": model.parameters,
    }


def _show(row: dict[str, object], peer: dict[str, object] | None, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(row), flush=True)
        return
    beside = ""
    if peer and peer["recall@20"]:
        beside = f"  x{float(str(row['recall@20'])) / float(str(peer['recall@20'])):.2f} popularity"
    print(
        f"{row['data']:32} {row['model']:11} recall@20 {row['recall@20']:.4f}"
        f"  ndcg@20 {row['ndcg@20']:.4f}  fit {row['fit_seconds']:7.1f} s{beside}",
        flush=True,
    )


def _shared_files() -> list[Path]:
    folder = Path(os.environ.get("CDP_TEST_DATA", ROOT.parent / "shared" / "data")) / "rec"
    names = ("gowalla.npz", "retail_rocket-events.parquet")
    return [folder / name for name in names if (folder / name).exists()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, action="append", help="a split file; repeatable")
    parser.add_argument("--models", default="popularity,default", help="names, with commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mask-seen", action="store_true", help="leave out all that was touched")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


if __name__ == "__main__":
    sys.exit(main())
