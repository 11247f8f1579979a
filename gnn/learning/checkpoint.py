"""Where a training stands, on disk: after a kill it goes on from there.

One `.npz` of arrays, nothing pickled, written beside and renamed. Its name is a hash of all that the
training depends on (data, model, settings, seed), so that it is taken up by the same training only.
"""

from __future__ import annotations

import hashlib
import secrets
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor

Parameters = dict[str, Tensor]


class Standing(msgspec.Struct, kw_only=True):
    """How far a training is: epochs done, the best measure and how many epochs ago it was reached,
    seconds spent. `draws` are the states of the random generators, by name."""

    epoch: int = 0
    best: float = -1.0
    waited: int = 0
    seconds: float = 0.0
    draws: dict[str, Tensor] = {}


class Checkpoint:
    """The file of one training; None keeps nothing."""

    def __init__(self, folder: Path | None, *depends_on: object) -> None:
        text = msgspec.json.encode([str(one) for one in depends_on])
        name = f"{hashlib.sha256(text).hexdigest()[:24]}.npz"
        self.path = None if folder is None else folder / name

    def save(
        self,
        standing: Standing,
        now: Parameters,
        best: Parameters,
        optimiser: torch.optim.Optimizer,
    ) -> None:
        if self.path is None:
            return
        moments = optimiser.state_dict()["state"]
        arrays = {
            **{f"now.{name}": _array(value) for name, value in now.items()},
            **{f"best.{name}": _array(value) for name, value in best.items()},
            **{f"draws.{name}": _array(value) for name, value in standing.draws.items()},
            **{
                f"optimiser.{number}.{name}": _array(value)
                for number, values in moments.items()
                for name, value in values.items()
            },
            "standing": np.array(
                [standing.epoch, standing.best, standing.waited, standing.seconds], np.float64
            ),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        staged = self.path.with_name(f".{secrets.token_hex(4)}.npz")
        try:
            np.savez(staged, allow_pickle=False, **arrays)
            staged.replace(self.path)
        finally:
            staged.unlink(missing_ok=True)

    def resume(
        self, now: Parameters, best: Parameters, optimiser: torch.optim.Optimizer
    ) -> Standing | None:
        """Puts the kept values into the parameters and the optimiser; None where there are none, or
        where the file is damaged: then the training begins anew."""
        if self.path is None or not self.path.exists():
            return None
        try:
            with self.path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            epoch, measure, waited, seconds = arrays["standing"].tolist()
            for prefix, parameters in (("now", now), ("best", best)):
                for name, value in parameters.items():
                    _put(value, arrays[f"{prefix}.{name}"])
            _put_moments(optimiser, arrays)
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        draws = {
            name.partition(".")[2]: torch.from_numpy(value)
            for name, value in arrays.items()
            if name.startswith("draws.")
        }
        return Standing(
            epoch=int(epoch), best=measure, waited=int(waited), seconds=seconds, draws=draws
        )

    def forget(self) -> None:
        """The training is done."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _array(value: Tensor) -> np.ndarray[Any, np.dtype[Any]]:
    array: np.ndarray[Any, np.dtype[Any]] = value.detach().cpu().numpy()
    return array


def _put(parameter: Tensor, value: np.ndarray[Any, np.dtype[Any]]) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(value))


def _put_moments(
    optimiser: torch.optim.Optimizer, arrays: dict[str, np.ndarray[Any, np.dtype[Any]]]
) -> None:
    kept = optimiser.state_dict()
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in arrays.items():
        if key.startswith("optimiser."):
            _, number, name = key.split(".")
            state.setdefault(int(number), {})[name] = torch.from_numpy(value)
    optimiser.load_state_dict({**kept, "state": state})
