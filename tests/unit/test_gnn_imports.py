"""Serving needs NumPy alone: a web process must not pay for the training libraries."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "torch_geometric", "scipy", "pyarrow")


@pytest.mark.parametrize(
    "module", ["gnn.recommend", "gnn.artifacts", "gnn.recommender", "gnn.train", "gnn.dataset"]
)
def test_importing_it_brings_no_training_library(module: str) -> None:
    code = f"import sys, {module}; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_serving_a_question_brings_none_either() -> None:
    code = f"""
import sys
import numpy as np
from gnn import item_lists
from gnn.recommend import Catalogue, ServingModel
from gnn.recommender import Request
from gnn.weights import BehaviourWeights
from graph_schema.model.item import Interaction
lists = item_lists.ItemLists(
    np.array([0, 1, 2]), np.array([1, 0], np.int32), np.ones(2, np.float32)
)
model = ServingModel(
    Catalogue(("a", "b"), (None, None), np.zeros(2, np.int32), np.ones(2, np.float32)),
    lists, item_lists.empty(2), BehaviourWeights(),
)
answer = model.recommend(Request(history=[Interaction("a", views=1)], first=1, diversity=0.5))
assert answer.items[0].item_id == "b"
print([m for m in {HEAVY} if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
