"""Checkpoints of a run: everything that going on needs, written so that a kill or a full disk costs at most the steps since the last."""

from __future__ import annotations

import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from handmesh_ros.errors import reading
from handmesh_training.networks import MobRecon
from handmesh_training.trainer.config import TrainConfig, TrainConfigError, differences


class Average:
    """Exponential moving average of a network's weights: it is what is validated and shipped.

    The first steps count less (decay grows with the number of steps), so that the random beginning is soon forgotten.
    """

    def __init__(self, network: MobRecon, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: MobRecon, step: int) -> None:
        """After step ``step`` (from 0)."""
        keep = min(self.decay, (1 + step) / (10 + step))
        current, averaged = network.state_dict(), self.network.state_dict()
        names = [name for name, value in averaged.items() if value.dtype.is_floating_point]
        # All tensors at once: one by one, hundreds of small steps would hold up a GPU.
        get_ema_multi_avg_fn(keep)([averaged[name] for name in names], [current[name] for name in names], step)
        for name in averaged.keys() - set(names):
            averaged[name].copy_(current[name])


def save_state(path: Path, config: TrainConfig, step: int, **parts: Any) -> None:
    """Write a checkpoint beside the old one, then put it in its place."""
    partial = path.with_suffix(".partial")
    torch.save({"config": asdict(config), "step": step, **{name: part.state_dict() for name, part in parts.items()}}, partial)
    partial.replace(path)


def load_state(path: Path, config: TrainConfig, **parts: Any) -> int:
    """Put a checkpoint's contents into the parts; the step to go on with (0 without a checkpoint).

    Raises:
        TrainConfigError: the file is broken, or of a run with another configuration (what differs is named).
    """
    if not path.is_file():
        return 0
    with reading(path, "a checkpoint of this run, which can be moved away to begin anew", TrainConfigError):
        content = torch.load(path, map_location="cpu", weights_only=True)
        other, step = content["config"], int(content["step"])
        if found := differences(config, other):
            text = "\n  ".join(found)
            raise TrainConfigError(f"{path}: belongs to another configuration; move it away to begin anew:\n  {text}")
        for name, part in parts.items():
            part.load_state_dict(content[name])
    return step
