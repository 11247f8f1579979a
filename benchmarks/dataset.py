"""Memory and time of reading the training graph: chunk by chunk, and as a list of rows beside it.

Each way runs in a process of its own, so that its peak is its own. The rows are made as they are
read, as a store gives them: session by session, in chunks of 10,000.

    python benchmarks/dataset.py                       # 1 million rows, both ways
    python benchmarks/dataset.py --rows 10000000 --streamed-only
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np

CHUNK = 10_000


def main() -> int:
    arguments = _parser().parse_args()
    if arguments.way:
        print(json.dumps(measure(arguments.way, arguments.rows, arguments.people, arguments.items)))
        return 0
    found = {}
    for way in ("streamed",) if arguments.streamed_only else ("streamed", "list"):
        command = [sys.executable, __file__, "--way", way, "--rows", str(arguments.rows)]
        sizes = ["--people", str(arguments.people), "--items", str(arguments.items)]
        done = subprocess.run([*command, *sizes], capture_output=True, text=True, check=True)
        found[way] = json.loads(done.stdout)
        print(f"{way:9} {found[way]}")
    if "list" in found:
        less = found["list"]["peak_mb"] / found["streamed"]["peak_mb"]
        print(f"a list of rows takes {less:.1f} times the memory")
    return 0


def measure(way: str, rows: int, people: int, items: int) -> dict[str, float]:
    """Seconds and the peak of the process, with the dataset, its pairs and its matrix built."""
    from gnn.dataset import Building, Dataset
    from gnn.weights import BehaviourWeights

    began = time.perf_counter()
    if way == "streamed":
        building = Building()
        for chunk in chunks(rows, people, items):
            building.add(chunk)
        dataset = building.dataset()
    else:
        dataset = Dataset.from_rows([row for chunk in chunks(rows, people, items) for row in chunk])
    read = time.perf_counter() - began
    matrix = dataset.matrix(BehaviourWeights())
    return {
        "rows": rows,
        "pairs": int(matrix.nnz),
        "read_seconds": round(read, 1),
        "seconds": round(time.perf_counter() - began, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def chunks(rows: int, people: int, items: int) -> Iterator[list]:
    """Popular and rare items, busy and quiet people."""
    from graph_schema.store import ProfileInteraction

    rng = np.random.default_rng(0)
    for first in range(0, rows, CHUNK):
        size = min(CHUNK, rows - first)
        who = (people * rng.random(size) ** 1.5).astype(int).tolist()
        what = (items * rng.random(size) ** 2.5).astype(int).tolist()
        views = rng.integers(1, 4, size).tolist()
        bought = (rng.random(size) < 0.05).astype(int).tolist()
        yield [
            ProfileInteraction(f"p_{u:012x}", f"sku-{i:07}", v, 0, b, first + n, first + n + 60)
            for n, (u, i, v, b) in enumerate(zip(who, what, views, bought, strict=True))
        ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=500_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--streamed-only", action="store_true")
    parser.add_argument("--way", choices=("streamed", "list"), help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
