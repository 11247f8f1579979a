"""The models by name. A model's own libraries are imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from gnn.errors import TrainingExtraMissing, UnknownModel
from gnn.models.base import ListModel

_CLASSES = {
    "popularity": ("gnn.models.popularity", "Popularity"),
    "item_knn": ("gnn.models.item_knn", "ItemKnn"),
    "ease": ("gnn.models.ease", "Ease"),
    "spectral": ("gnn.models.spectral", "Spectral"),
    "blend": ("gnn.models.blend", "Blend"),
    "lightgcn": ("gnn.models.lightgcn", "LightGcn"),
    "xsimgcl": ("gnn.models.xsimgcl", "XSimGcl"),
    "sage": ("gnn.models.sage", "Sage"),
}
TRAINED = ("lightgcn", "xsimgcl", "sage")
"""The models that need the extra `gnn`."""
NAMES = tuple(_CLASSES)
DEFAULT = "default"
"""Stands for what is chosen by itself: see `gnn.choice`."""


def create(name: str, **parameters: object) -> ListModel:
    """A model that is not fitted yet. Errors: UnknownModel, TrainingExtraMissing."""
    if name not in _CLASSES:
        raise UnknownModel(name=name, known=", ".join((*NAMES, DEFAULT)))
    module, attribute = _CLASSES[name]
    try:
        make: Callable[..., ListModel] = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if name in TRAINED and error.name in ("torch", "torch_geometric"):
            raise TrainingExtraMissing(name=name) from error
        raise
    return make(**parameters)
