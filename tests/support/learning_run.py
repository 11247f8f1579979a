"""One training on a small graph, as a process: for tests that kill it, or start two of it.

    python learning_run.py FOLDER_OF_CHECKPOINTS OUTPUT.npy EPOCHS SECONDS_BETWEEN_EPOCHS

Writes the item vectors to OUTPUT, and a line for each epoch to standard output.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from gnn.dataset import Dataset
from gnn.held_out import last_pairs
from gnn.learning.checkpoint import Checkpoint
from gnn.learning.graph import Graph
from gnn.learning.loop import Loop, Settings
from gnn.learning.processes import joined
from gnn.models.lightgcn import LightGcn
from gnn.recommender import Progress
from graph_schema.store import ProfileInteraction


def dataset() -> Dataset:
    """Two halves of people with two halves of items."""
    rng = np.random.default_rng(5)
    rows = []
    for at in range(1_500):
        user = int(rng.integers(60))
        item = int(rng.integers(15)) + user % 2 * 15
        rows.append(ProfileInteraction(f"u{user:02}", f"i{item:02}", 1, 0, at % 2, at, at))
    return Dataset.from_rows(rows)


def train(
    folder: Path | None, epochs: int, pause: float = 0.0, patience: int = 99
) -> tuple[np.ndarray, list[Progress]]:
    """The item vectors, and what was told."""
    data = dataset()
    model = LightGcn(dimensions=8, batch=128, learning_rate=0.02, device="cpu")
    held_out = last_pairs(data, 0.1, 0)
    graph = Graph.of(data, model.weights, ~held_out, "cpu")
    learning = model.learning(data, graph, 7)
    told: list[Progress] = []

    def tell(step: Progress) -> None:
        told.append(step)
        print(step.stage, step.figures, flush=True)
        time.sleep(pause)

    with joined() as processes:
        loop = Loop(
            learning,
            graph,
            Settings(epochs, 128, 0.02, patience, save_every_s=0.0),
            seed=7,
            processes=processes,
            checkpoint=Checkpoint(folder, "test"),
            progress=tell,
        )
        loop.run(data.pairs.where(held_out))
    return learning.items.detach().numpy(), told


if __name__ == "__main__":
    checkpoints, output, epochs, pause = sys.argv[1:]
    found, _ = train(Path(checkpoints), int(epochs), float(pause))
    np.save(output, found)
