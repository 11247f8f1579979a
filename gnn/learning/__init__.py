"""What the models that are trained by gradients share. Needs the extra `gnn` (PyTorch and PyG).

The way of a fit: `graph` (the pairs on a device) → `loop` (epochs, early stopping, checkpoints) with
a model's own loss → item vectors → item lists. Nothing outside this folder and the models that are
trained here imports torch.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # PyG compiles a few functions while it is imported, in a way that torch deprecates.
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch")
    import torch_geometric.data
    import torch_geometric.nn  # noqa: F401
