"""Epochs over all pairs, with early stopping, progress and checkpoints: the same for every model.

A model brings its parameters, its loss on a batch, and its item vectors. Everything else is here.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from gnn.learning.checkpoint import Checkpoint, Parameters, Standing
from gnn.learning.graph import Graph
from gnn.learning.processes import Processes
from gnn.recommender import OnProgress, Progress
from gnn.rows import Columns

SAVE_EVERY_S = 20.0


class Learning(Protocol):
    """What is trained. `draws` are its own random generators, whose states a checkpoint keeps."""

    parameters: Parameters
    draws: dict[str, torch.Generator]

    def loss(self, pairs: Tensor, negatives: Tensor) -> Tensor:
        """The mean loss over pairs (b,), numbers of the graph's pairs, each with a random item."""

    def item_vectors(self, graph: Graph) -> Tensor:
        """Final item vectors (items, d) on a graph, without gradients."""


class Settings(NamedTuple):
    """At most so many `epochs`, of `batch` pairs a step, and `minutes` (None: no limit); stops after
    `patience` epochs without a better measure. A checkpoint at the end of an epoch where the last one
    is `save_every_s` seconds ago."""

    epochs: int
    batch: int
    learning_rate: float
    patience: int
    minutes: float | None = None
    save_every_s: float = SAVE_EVERY_S


class Loop:
    """One training of one model on one graph."""

    def __init__(
        self,
        learning: Learning,
        graph: Graph,
        settings: Settings,
        *,
        seed: int,
        processes: Processes,
        checkpoint: Checkpoint,
        progress: OnProgress,
    ) -> None:
        self.learning = learning
        self.graph = graph
        self.settings = settings
        self.processes = processes
        self.checkpoint = checkpoint
        self.progress = progress
        self.order = torch.Generator().manual_seed(seed)
        self.optimiser = torch.optim.Adam(learning.parameters.values(), lr=settings.learning_rate)

    def run(self, validation: Columns) -> Parameters:
        """The parameters of the epoch with the best recall@20 on the validation pairs; they stand in
        the model afterwards too."""
        now = self.learning.parameters
        best = {name: value.detach().clone() for name, value in now.items()}
        standing = self._resumed(best)
        started, saved = time.monotonic() - standing.seconds, time.monotonic()
        while self._goes_on(standing):
            loss = self._epoch()
            measure = self.processes.agreed(self._measure(validation))
            standing.epoch += 1
            standing.waited = 0 if measure > standing.best else standing.waited + 1
            if not standing.waited:
                standing.best = measure
                _copy(now, best)
            standing.seconds = self.processes.agreed(time.monotonic() - started)
            self._tell(standing, loss, measure)
            if time.monotonic() - saved >= self.settings.save_every_s:
                self._save(standing, best)
                saved = time.monotonic()
        _copy(best, now)
        return best

    def _goes_on(self, standing: Standing) -> bool:
        minutes = self.settings.minutes
        return (
            standing.epoch < self.settings.epochs
            and standing.waited < self.settings.patience
            and (minutes is None or standing.seconds < 60.0 * minutes)
        )

    def _epoch(self) -> float:
        """One pass over all pairs in random order; gives the mean loss."""
        pairs, items = self.graph.pair_users.numel(), self.graph.items
        order = torch.randperm(pairs, generator=self.order)
        total = 0.0
        for batch in torch.split(order, self.settings.batch):
            negatives = torch.randint(items, (batch.numel(),), generator=self.order)
            total += self._step(batch, negatives)
        return total / math.ceil(pairs / self.settings.batch)

    def _step(self, batch: Tensor, negatives: Tensor) -> float:
        """Every process takes its part of the batch, weighed by its size: the sum of the gradients
        is that of the whole batch."""
        part, drawn = self.processes.part(batch), self.processes.part(negatives)
        device = self.graph.device
        loss = self.learning.loss(part.to(device), drawn.to(device))
        loss = loss * (part.numel() / batch.numel())
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.processes.add_gradients(self.learning.parameters.values())
        self.optimiser.step()
        return self.processes.added(float(loss.detach()))

    def _measure(self, validation: Columns) -> float:
        with torch.no_grad():
            return self.graph.recall(self.learning.item_vectors(self.graph), validation)

    def _tell(self, standing: Standing, loss: float, measure: float) -> None:
        minutes = self.settings.minutes
        done = standing.epoch / self.settings.epochs
        if minutes is not None:
            done = max(done, standing.seconds / (60.0 * minutes))
        figures = {"epoch": float(standing.epoch), "loss": loss, "recall@20": measure}
        self.progress(Progress(stage="training", done=min(done, 1.0), figures=figures))

    def _save(self, standing: Standing, best: Parameters) -> None:
        if self.processes.rank == 0:
            standing.draws = {name: one.get_state() for name, one in self._generators().items()}
            self.checkpoint.save(standing, self.learning.parameters, best, self.optimiser)

    def _resumed(self, best: Parameters) -> Standing:
        standing = self.checkpoint.resume(self.learning.parameters, best, self.optimiser)
        if standing is None:
            return Standing()
        for name, generator in self._generators().items():
            generator.set_state(standing.draws[name])
        figures = {"epoch": float(standing.epoch)}
        self.progress(Progress(stage="resumed", done=0.0, figures=figures))
        return standing

    def _generators(self) -> dict[str, torch.Generator]:
        return {"order": self.order, **self.learning.draws}


def _copy(source: Parameters, target: Parameters) -> None:
    with torch.no_grad():
        for name, value in source.items():
            target[name].copy_(value)
