"""XSimGCL: propagation with noise, and a contrast between two of its layers (Yu et al., TKDE 2023).

Every layer of the propagation is moved by a small random step into its own orthant (`noise` long).
The final vectors are the mean over the layers without the embeddings themselves; besides BPR on
them, each vector of a batch should find its own layer `contrast_layer` among those of the others
(InfoNCE): vectors spread over the sphere, and rare items are not drawn to the popular ones.

Users have embeddings while it is trained, as in the paper. They are then thrown away: in serving a
user is the propagation of the items she touched, which also ranks better than her own embedding.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import normalize

from gnn.dataset import Dataset
from gnn.learning.checkpoint import Parameters
from gnn.learning.graph import Graph, Sides
from gnn.learning.losses import bpr, info_nce, squared_length
from gnn.models.trained import TrainedModel
from gnn.weights import BehaviourWeights

MOST_CONTRASTED = 2_048
"""Of a larger batch so many users and items are contrasted: the work grows with the square."""


class XSimGcl(TrainedModel):
    """See TrainedModel for the other settings. `noise` is the length of the random step, `contrast`
    what InfoNCE counts beside BPR, with its `temperature` and its `contrast_layer` (from 1)."""

    name: ClassVar[str] = "xsimgcl"
    SETTINGS: ClassVar[tuple[str, ...]] = (
        *TrainedModel.SETTINGS, "noise", "contrast", "temperature", "contrast_layer",
    )  # fmt: skip

    def __init__(
        self,
        *,
        dimensions: int = 64,
        layers: int = 2,
        epochs: int = 100,
        batch: int = 2_048,
        learning_rate: float = 0.001,
        decay: float = 1e-4,
        patience: int = 5,
        minutes: float | None = None,
        noise: float = 0.2,
        contrast: float = 0.2,
        temperature: float = 0.2,
        contrast_layer: int = 1,
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
        self.noise = noise
        self.contrast = contrast
        self.temperature = temperature
        self.contrast_layer = contrast_layer

    def learning(self, dataset: Dataset, graph: Graph, seed: int) -> XSimGclLearning:
        return XSimGclLearning(self, graph, seed)


class XSimGclLearning:
    """The embeddings of users (users, d) and items (items, d), and how they are trained."""

    def __init__(self, model: XSimGcl, graph: Graph, seed: int) -> None:
        self.model = model
        self.graph = graph
        drawn = torch.Generator().manual_seed(seed)
        nodes = torch.empty(graph.users + graph.items, model.dimensions)
        torch.nn.init.xavier_uniform_(nodes, generator=drawn)
        users, items = nodes[: graph.users], nodes[graph.users :]
        self.users = users.clone().to(graph.device).requires_grad_()
        self.items = items.clone().to(graph.device).requires_grad_()
        self.parameters: Parameters = {"users": self.users, "items": self.items}
        self.draws = {"noise": torch.Generator(graph.device).manual_seed(seed)}

    def item_vectors(self, graph: Graph) -> Tensor:
        return _mean(graph.layers((self.users, self.items), self.model.layers))[1]

    def loss(self, pairs: Tensor, negatives: Tensor) -> Tensor:
        model, graph = self.model, self.graph
        layers = graph.layers((self.users, self.items), model.layers, self._moved)
        users, items = _mean(layers)
        asked, positives = graph.pair_users[pairs], graph.pair_items[pairs]
        of_users = users[asked]
        ranked = bpr((of_users * items[positives]).sum(1), (of_users * items[negatives]).sum(1))
        contrast = self._contrast(
            (users, items), layers[model.contrast_layer - 1], asked, positives
        )
        length = squared_length(self.users[asked], self.items[positives], self.items[negatives])
        return ranked + model.contrast * contrast + model.decay * length

    def _moved(self, layer: Tensor) -> Tensor:
        step = torch.rand(layer.shape, generator=self.draws["noise"], device=layer.device)
        return layer + torch.sign(layer) * normalize(step) * self.model.noise

    def _contrast(self, final: Sides, layer: Sides, users: Tensor, items: Tensor) -> Tensor:
        losses = []
        for vectors, others, nodes in zip(final, layer, (users, items), strict=True):
            chosen = torch.unique(nodes[:MOST_CONTRASTED])
            losses.append(info_nce(vectors[chosen], others[chosen], self.model.temperature))
        return torch.stack(losses).sum()


def _mean(layers: list[Sides]) -> Sides:
    users, items = zip(*layers, strict=True)
    return torch.stack(users).mean(0), torch.stack(items).mean(0)
