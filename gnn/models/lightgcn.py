"""LightGCN: linear propagation on the user-item graph, trained with BPR (He et al., SIGIR 2020).

Layer l + 1 is A x layer l; the final vectors are the mean over the layers. One difference from the
paper: only items have embeddings, users begin at zero. A user's final vector is then exactly the
propagation of the items she touched, in training as in serving, so none is stored and nobody is out
of sample: with an odd number of layers u = R z for z the mean over the even layers.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from gnn.dataset import Dataset
from gnn.learning.checkpoint import Parameters
from gnn.learning.graph import Graph
from gnn.learning.losses import bpr, squared_length
from gnn.models.trained import TrainedModel
from gnn.weights import BehaviourWeights


class LightGcn(TrainedModel):
    """See TrainedModel for the settings; `layers` is odd."""

    name: ClassVar[str] = "lightgcn"

    def __init__(
        self,
        *,
        dimensions: int = 64,
        layers: int = 3,
        epochs: int = 200,
        batch: int = 8_192,
        learning_rate: float = 0.005,
        decay: float = 3e-3,
        patience: int = 10,
        minutes: float | None = None,
        device: str | None = None,
        weights: BehaviourWeights | None = None,
    ) -> None:
        super().__init__(
            dimensions=dimensions,
            layers=layers,
            epochs=epochs,
            batch=batch,
            learning_rate=learning_rate,
            decay=decay,
            patience=patience,
            minutes=minutes,
            device=device,
            weights=weights,
        )

    def learning(self, dataset: Dataset, graph: Graph, seed: int) -> LightGcnLearning:
        return LightGcnLearning(self, graph, seed)


class LightGcnLearning:
    """The item embeddings (items, d), and how they are trained."""

    def __init__(self, model: LightGcn, graph: Graph, seed: int) -> None:
        self.graph = graph
        self.layers = model.layers
        self.decay = model.decay
        drawn = torch.Generator().manual_seed(seed)
        start = torch.randn(graph.items, model.dimensions, generator=drawn) * 0.1
        self.items = start.to(graph.device).requires_grad_()
        self.parameters: Parameters = {"items": self.items}
        self.draws: dict[str, torch.Generator] = {}

    def item_vectors(self, graph: Graph) -> Tensor:
        """z: the mean over the layers, of which only the even ones reach the items."""
        layer, total = self.items, self.items
        for _ in range(self.layers // 2):
            layer = graph.to_items(graph.to_users(layer))
            total = total + layer
        return total / (self.layers + 1)

    def loss(self, pairs: Tensor, negatives: Tensor) -> Tensor:
        """BPR. The touched item's own part is taken out of its user's vector, as it is in serving:
        or the model would learn that an item is like itself, which long vectors say well enough."""
        graph = self.graph
        item_vectors = self.item_vectors(graph)
        positives = graph.pair_items[pairs]
        users = graph.to_users(item_vectors)[graph.pair_users[pairs]]
        touched, other = item_vectors[positives], item_vectors[negatives]
        without = users - graph.pair_weights[pairs, None] * touched
        ranked = bpr((without * touched).sum(1), (users * other).sum(1))
        return ranked + self.decay * squared_length(self.items[positives], self.items[negatives])
