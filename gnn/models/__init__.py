"""The models by name. A model's own libraries are imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from gnn.dataset import Dataset
from gnn.errors import UnknownModel
from gnn.models.base import ListModel

_CLASSES = {
    "popularity": ("gnn.models.popularity", "Popularity"),
    "item_knn": ("gnn.models.item_knn", "ItemKnn"),
    "ease": ("gnn.models.ease", "Ease"),
    "spectral": ("gnn.models.spectral", "Spectral"),
    "lightgcn": ("gnn.models.lightgcn", "LightGcn"),
}
NAMES = tuple(_CLASSES)
DEFAULT = "default"
DENSE_CATALOGUE = 4_000
"""Up to so many items, a dense item matrix is inverted within seconds."""
DENSE_SHARE = 0.01
"""From this share of all pairs on the exact solution of EASE beat the graph filter (ML-1M)."""


def create(name: str, **parameters: object) -> ListModel:
    """A model that is not fitted yet. Errors: UnknownModel."""
    if name not in _CLASSES:
        raise UnknownModel(name=name, known=", ".join((*NAMES, DEFAULT)))
    module, attribute = _CLASSES[name]
    make: Callable[..., ListModel] = getattr(import_module(module), attribute)
    return make(**parameters)


def default_for(dataset: Dataset) -> str:
    """The model for data of this size on a CPU: `ease` for a small dense catalogue, else
    `spectral`."""
    items = len(dataset.items)
    pairs = dataset.pairs.user.size
    dense = pairs >= DENSE_SHARE * items * max(dataset.active_users, 1)
    return "ease" if items <= DENSE_CATALOGUE and dense else "spectral"
