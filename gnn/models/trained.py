"""What LightGCN and XSimGCL share: a fit by gradients, whose item vectors become item lists.

A user's vector is the propagation of the items she touched, u = sum over h of R[u, h] z_h with
R[u, h] = r_uh / sqrt(d_u d_h), and a score is u . z_i. The factor 1 / sqrt(d_u) orders nothing, so
S[h, i] = z_h . z_i / sqrt(d_h).
"""

from __future__ import annotations

import abc
import os
from typing import ClassVar

import numpy as np
import torch

from gnn.dataset import Dataset
from gnn.held_out import last_pairs
from gnn.item_lists import ItemLists, strongest
from gnn.learning.checkpoint import Checkpoint
from gnn.learning.graph import Graph
from gnn.learning.loop import Learning, Loop, Settings
from gnn.learning.processes import joined
from gnn.models.base import ListModel
from gnn.recommender import OnProgress, Progress
from gnn.weights import BehaviourWeights

VALIDATION_SHARE = 0.05


class TrainedModel(ListModel):
    """`dimensions` of the vectors, `layers` of propagation, at most `epochs` with `batch` pairs a
    step and at most `minutes`, L2 `decay`; stops after `patience` epochs without a better recall@20
    on held-out last pairs of training users, and takes the best epoch. `device`: None takes the GPU
    where there is one."""

    SETTINGS: ClassVar[tuple[str, ...]] = (
        "dimensions", "layers", "epochs", "batch", "learning_rate", "decay", "patience", "minutes",
    )  # fmt: skip

    def __init__(
        self,
        *,
        dimensions: int,
        layers: int,
        epochs: int,
        batch: int,
        learning_rate: float,
        decay: float,
        patience: int,
        minutes: float | None,
        device: str | None,
        weights: BehaviourWeights | None,
    ) -> None:
        super().__init__(weights)
        self.dimensions = dimensions
        self.layers = layers
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.decay = decay
        self.patience = patience
        self.minutes = minutes
        self.device = device

    def settings(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.SETTINGS}

    @abc.abstractmethod
    def learning(self, dataset: Dataset, graph: Graph, seed: int) -> Learning:
        """The model's parameters at their start, and its loss."""

    def _lists(self, dataset: Dataset, seed: int, progress: OnProgress) -> ItemLists:
        device = self.device or _device()
        held_out = last_pairs(dataset, VALIDATION_SHARE, seed)
        graph = Graph.of(dataset, self.weights, ~held_out, device)
        learning = self.learning(dataset, graph, seed)
        checkpoint = Checkpoint(
            self.checkpoints, self.name, self.parameters, seed, dataset.graph_hash
        )
        settings = Settings(
            self.epochs, self.batch, self.learning_rate, self.patience, self.minutes
        )
        with joined() as processes:
            Loop(
                learning,
                graph,
                settings,
                seed=seed,
                processes=processes,
                checkpoint=checkpoint,
                progress=lambda step: progress(_within(step, 0.0, 0.9)),
            ).run(dataset.pairs.where(held_out))
        whole = Graph.of(dataset, self.weights, np.ones(held_out.size, np.bool_), device)
        lists = _item_lists(learning, whole, lambda step: progress(_within(step, 0.9, 1.0)))
        checkpoint.forget()
        return lists


def _item_lists(learning: Learning, graph: Graph, progress: OnProgress) -> ItemLists:
    with torch.no_grad():
        vectors = learning.item_vectors(graph).cpu().numpy()
    roots = np.sqrt(np.maximum(graph.item_degrees, np.float32(1e-6)))
    sources = (vectors / roots[:, None]).astype(np.float32)
    return strongest(
        lambda first, last: sources[first:last] @ vectors.T,
        graph.items,
        progress=lambda done: progress(Progress(stage="item lists", done=done)),
    )


def _device() -> str:
    if not torch.cuda.is_available():
        return "cpu"
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"


def _within(step: Progress, start: float, end: float) -> Progress:
    return Progress(stage=step.stage, done=start + step.done * (end - start), figures=step.figures)
