"""One training step of LightGCN beside one of PyG's own `LightGCN` module, by turns in one run.

A step is: propagate over the whole graph, BPR over a batch, gradients, Adam. Both have 64 dimensions,
3 layers, the same pairs, batches and random items, on the CPU. PyG's module gets an edge_index as its
documentation shows, and normalises it in every layer. Ours keeps no user embeddings and knows the
graph normalised before: `gnn.learning.graph` says how.

    python benchmarks/training_step.py [--data FILE.npz] [--steps 5]
"""

from __future__ import annotations

# ruff: noqa: E402 - the path has to be right before the first import
import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

import numpy as np
import torch
from torch import Tensor
from torch_geometric.nn import LightGCN

from gnn.dataset import Dataset
from gnn.files import read_split
from gnn.learning.graph import Graph
from gnn.models.lightgcn import LightGcn, LightGcnLearning
from gnn.rows import Columns
from graph_schema.model.item import Item

DIMENSIONS, LAYERS, BATCH = 64, 3, 8_192
Step = Callable[[Tensor, Tensor], None]


def main() -> int:
    arguments = _parser().parse_args()
    dataset = read_split(arguments.data).train if arguments.data else by_chance()
    graph = Graph.of(dataset, LightGcn().weights, np.ones(dataset.pairs.user.size, np.bool_), "cpu")
    print(
        f"{graph.users:,} users, {graph.items:,} items, {graph.pair_users.numel():,} pairs;"
        f" {torch.get_num_threads()} threads"
    )
    steps = {"ours": ours(graph), "PyG": pygs(graph)}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    drawn = torch.Generator().manual_seed(0)
    for number in range(arguments.steps + 1):
        pairs = torch.randperm(graph.pair_users.numel(), generator=drawn)[:BATCH]
        negatives = torch.randint(graph.items, (pairs.numel(),), generator=drawn)
        for name, step in steps.items():
            began = time.perf_counter()
            step(pairs, negatives)
            if number:  # the first one makes the optimiser's state
                seconds[name].append(time.perf_counter() - began)
    for name, taken in seconds.items():
        print(
            f"{name:5} {1e3 * statistics.median(taken):8.0f} ms a step, the median of {len(taken)}"
        )
    ratio = statistics.median(
        pyg / our for our, pyg in zip(seconds["ours"], seconds["PyG"], strict=True)
    )
    print(f"ours is {ratio:.1f} times as quick (median of the pairs of steps)")
    return 0


def ours(graph: Graph) -> Step:
    learning = LightGcnLearning(LightGcn(dimensions=DIMENSIONS, layers=LAYERS), graph, seed=0)
    optimiser = torch.optim.Adam(learning.parameters.values())

    def step(pairs: Tensor, negatives: Tensor) -> None:
        optimiser.zero_grad()
        learning.loss(pairs, negatives).backward()
        optimiser.step()

    return step


def pygs(graph: Graph) -> Step:
    model = LightGCN(graph.users + graph.items, DIMENSIONS, LAYERS)
    optimiser = torch.optim.Adam(model.parameters())
    one_way = torch.stack((graph.pair_users, graph.pair_items + graph.users))
    edges = torch.cat((one_way, one_way.flip(0)), dim=1)

    def step(pairs: Tensor, negatives: Tensor) -> None:
        users, touched = graph.pair_users[pairs], graph.pair_items[pairs]
        asked = torch.stack((users.repeat(2), torch.cat((touched, negatives)) + graph.users))
        optimiser.zero_grad()
        positive, negative = model(edges, asked).chunk(2)
        model.recommendation_loss(positive, negative, node_id=asked.unique()).backward()
        optimiser.step()

    return step


def by_chance(users: int = 30_000, items: int = 40_000, pairs: int = 800_000) -> Dataset:
    """As large as Gowalla, where no file is given: popular and rare items, busy and quiet people."""
    rng = np.random.default_rng(0)
    who = (users * rng.random(pairs) ** 1.5).astype(np.int64)
    what = (items * rng.random(pairs) ** 2.5).astype(np.int64)
    user, item = (part.astype(np.int32) for part in np.divmod(np.unique(who * items + what), items))
    none, at = np.zeros(user.size, np.int32), np.zeros(user.size, np.int64)
    names = [f"{number:08}" for number in range(users)]
    known = [Item(id=f"{number:08}", updated_at=0) for number in range(items)]
    return Dataset(names, known, Columns(user, item, none, none, none + 1, at, at))


def _parser() -> argparse.ArgumentParser:
    shared = Path(os.environ.get("CDP_TEST_DATA", ROOT.parent / "shared" / "data"))
    gowalla = shared / "rec" / "gowalla.npz"
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=gowalla if gowalla.exists() else None)
    parser.add_argument("--steps", type=int, default=5)
    return parser


if __name__ == "__main__":
    sys.exit(main())
