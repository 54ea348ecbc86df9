"""Multiply-adds and parameters, counted the way the paper's tables do.

Counted are convolutions, linear layers, LSTMs and spiral filters: one multiply-add a weight and output place. Not counted, as in the
tables: batch norm (it folds away), gates' products, pooling, the lifting matrix and upsampling of vertices.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from handmesh_training.networks.mobrecon import MobRecon
from handmesh_training.networks.spiral_operators import DSConv


class Count(NamedTuple):
    """Of one image."""

    multiply_adds: int
    parameters: int


def count_parts(network: MobRecon) -> dict[str, Count]:
    """Counts of ``encoder`` (without the second way up), ``head`` (the second way up and all heads), ``decoder`` and ``total``."""
    macs: dict[str, int] = {}
    names = {module: name for name, module in network.named_modules()}

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        name = names[module]
        macs[name] = macs.get(name, 0) + _multiply_adds(module, inputs[0], output)

    counted = (nn.Conv2d, nn.Linear, nn.LSTM, DSConv)
    hooks = [m.register_forward_hook(note) for m in network.modules() if isinstance(m, counted)]
    training = network.training
    network.eval()
    try:
        size = network.config.patch_size
        with torch.no_grad():
            network(torch.zeros(1, 3, size, size, device=network.joint_regressor.device))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()

    result = {"encoder": [0, 0], "head": [0, 0], "decoder": [0, 0]}
    for name, value in macs.items():
        result[_part(name)][0] += value
    for name, parameter in network.named_parameters():
        result[_part(name)][1] += parameter.numel()
    parts = {name: Count(*values) for name, values in result.items()}
    parts["total"] = Count(sum(c.multiply_adds for c in parts.values()), sum(c.parameters for c in parts.values()))
    return parts


def _part(name: str) -> str:
    if name.startswith("encoder.up2"):
        return "head"
    top = name.split(".")[0]
    return top if top in ("encoder", "decoder") else "head"


def _multiply_adds(module: nn.Module, x: Tensor, output: Tensor) -> int:
    if isinstance(module, nn.Conv2d):
        return module.weight.numel() * output.shape[2] * output.shape[3]
    if isinstance(module, nn.Linear):
        return module.weight.numel() * math.prod(output.shape[:-1])
    if isinstance(module, nn.LSTM):
        weights = sum(p.numel() for n, p in module.named_parameters() if n.startswith("weight"))
        return weights * x.shape[0] * x.shape[1]
    if isinstance(module, DSConv):  # its 1x1 mix is a Linear and counts itself
        return module.taps.numel() * output.shape[0]
    raise TypeError(type(module).__name__)
