"""Training by gradients: the product, the loop, checkpoints, several processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch_geometric", reason="needs the gnn extra")

import torch
from learning_run import dataset, train

from gnn.learning.graph import Graph, product
from gnn.learning.losses import bpr, info_nce
from gnn.models.lightgcn import LightGcn
from gnn.models.xsimgcl import XSimGcl
from gnn.weights import BehaviourWeights

SCRIPT = Path(__file__).parents[1] / "support" / "learning_run.py"
ROOT = Path(__file__).parents[2]


def graph() -> Graph:
    data = dataset()
    return Graph.of(data, BehaviourWeights(), np.ones(data.pairs.user.size, np.bool_), "cpu")


def dense(of: Graph) -> torch.Tensor:
    """The whole adjacency, users then items."""
    block = of.of_users.to_dense()
    users, items = block.shape
    above = torch.cat((torch.zeros(users, users), block), dim=1)
    below = torch.cat((block.T, torch.zeros(items, items)), dim=1)
    return torch.cat((above, below))


def test_the_adjacency_is_normalised_on_both_sides() -> None:
    data, found = dataset(), graph()
    strengths = data.matrix(BehaviourWeights()).toarray()
    users, items = strengths.sum(axis=1), strengths.sum(axis=0)
    expected = strengths / np.sqrt(users[:, None] * items[None, :])
    assert np.allclose(found.of_users.to_dense().numpy(), expected, rtol=1e-5)
    assert np.allclose(found.item_degrees, items, rtol=1e-5)


def test_layers_are_powers_of_the_adjacency() -> None:
    found = graph()
    start = torch.randn(found.users + found.items, 4)
    layers = found.layers((start[: found.users], start[found.users :]), 3)
    for number, (users, items) in enumerate(layers, start=1):
        expected = torch.linalg.matrix_power(dense(found), number) @ start
        assert torch.allclose(torch.cat((users, items)), expected, atol=1e-5)


def test_the_gradient_of_the_product_is_that_of_the_dense_one() -> None:
    found = graph()
    sparse = torch.randn(found.items, 3, requires_grad=True)
    plain = sparse.detach().clone().requires_grad_()
    weights = torch.randn(found.users, 3)
    (product(found.of_users, found.of_items, sparse) * weights).sum().backward()
    ((found.of_users.to_dense() @ plain) * weights).sum().backward()
    assert torch.allclose(sparse.grad, plain.grad, atol=1e-5)


def test_lightgcns_item_vectors_are_the_mean_over_its_layers() -> None:
    """As in the paper, with users that begin at zero; and a user is R x these vectors."""
    found = graph()
    learning = LightGcn(dimensions=4).learning(dataset(), found, 1)
    start = torch.cat((torch.zeros(found.users, 4), learning.items))
    layers = [torch.linalg.matrix_power(dense(found), n) @ start for n in range(4)]
    mean = torch.stack(layers).mean(0)
    vectors = learning.item_vectors(found)
    assert torch.allclose(vectors, mean[found.users :], atol=1e-5)
    assert torch.allclose(found.to_users(vectors), mean[: found.users], atol=1e-5)


def test_xsimgcls_vectors_are_the_mean_over_its_layers_without_the_first() -> None:
    found = graph()
    learning = XSimGcl(dimensions=4).learning(dataset(), found, 1)
    start = torch.cat((learning.users, learning.items))
    layers = [torch.linalg.matrix_power(dense(found), n) @ start for n in (1, 2)]
    expected = torch.stack(layers).mean(0)[found.users :]
    assert torch.allclose(learning.item_vectors(found), expected, atol=1e-5)


def test_xsimgcls_step_stays_in_the_orthant_and_is_as_long_as_the_noise() -> None:
    learning = XSimGcl(dimensions=4, noise=0.3).learning(dataset(), graph(), 1)
    layer = torch.randn(50, 4)
    step = learning._moved(layer) - layer
    assert torch.allclose(step.norm(dim=1), torch.full((50,), 0.3), atol=1e-5)
    assert (torch.sign(step) * torch.sign(layer) >= 0).all()


def test_losses_fall_as_the_right_one_is_found() -> None:
    high, low = torch.tensor([3.0, 2.0]), torch.tensor([0.0, -1.0])
    assert bpr(high, low) < bpr(low, low) < bpr(low, high)
    views = torch.eye(4)
    assert info_nce(views, views, 0.2) < info_nce(views, views.flip(0), 0.2)


def test_it_stops_early_and_takes_the_best_epoch() -> None:
    _, told = train(None, epochs=200, patience=3)
    recalls = [step.figures["recall@20"] for step in told]
    assert len(recalls) < 200
    assert recalls.index(max(recalls)) == len(recalls) - 4


def test_a_training_that_goes_on_is_the_one_that_was_not_interrupted(tmp_path: Path) -> None:
    whole, _ = train(None, epochs=6)
    train(tmp_path, epochs=3)
    resumed, told = train(tmp_path, epochs=6)
    assert told[0].stage == "resumed"
    assert [step.figures["epoch"] for step in told] == [3, 4, 5, 6]
    assert np.allclose(whole, resumed, atol=1e-6)


def test_a_damaged_checkpoint_begins_anew(tmp_path: Path) -> None:
    whole, _ = train(None, epochs=4)
    train(tmp_path, epochs=2)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[: kept.stat().st_size // 2])
    again, told = train(tmp_path, epochs=4)
    assert told[0].stage == "training"
    assert np.array_equal(whole, again)


def environment() -> dict[str, str]:
    path = os.pathsep.join((str(ROOT), str(SCRIPT.parent)))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def test_a_killed_training_goes_on_where_it_stood(tmp_path: Path) -> None:
    output = tmp_path / "vectors.npy"
    command = [sys.executable, "-W", "ignore", str(SCRIPT), str(tmp_path / "kept"), str(output)]
    killed = subprocess.Popen(
        [*command, "8", "0.2"], stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert killed.stdout is not None
    with killed.stdout as lines:
        for line in lines:
            if "'epoch': 4.0" in line:
                killed.send_signal(signal.SIGKILL)
                break
    assert killed.wait() == -signal.SIGKILL
    assert not output.exists()
    done = subprocess.run(
        [*command, "8", "0"], capture_output=True, text=True, env=environment(), check=True
    )
    assert done.stdout.startswith("resumed")
    assert "'epoch': 1.0" not in done.stdout
    assert np.allclose(np.load(output), train(None, epochs=8)[0], atol=1e-5)


def test_two_processes_train_the_same_model_as_one(tmp_path: Path) -> None:
    """By torchrun, with gloo on the CPU; each takes half of every batch."""
    output = tmp_path / "vectors.npy"
    subprocess.run(
        [
            sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone",
            "--nproc-per-node", "2", str(SCRIPT), str(tmp_path / "kept"), str(output), "3", "0",
        ],
        capture_output=True, text=True, env=environment(), check=True,
    )  # fmt: skip
    assert np.allclose(np.load(output), train(None, epochs=3)[0], atol=1e-4)
