"""Layers that are told the same of every picture: what comes before them has died, and no gradient wakes it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handmesh_training.networks import MobRecon

SILENT = 1e-6  # of a layer's largest input: what rounding leaves of a change


@torch.no_grad()
def deaf_layers(network: MobRecon, patches: Tensor) -> list[str]:
    """Names of the layers with weights whose inputs do not change over patches (B, 3, S, S); the network in eval mode."""
    inputs: dict[str, Tensor] = {}
    handles = [
        module.register_forward_hook(lambda _module, given, _output, name=name: inputs.update({name: given[0]}))
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm1d | nn.BatchNorm2d)
    ]
    try:
        network(patches)
    finally:
        for handle in handles:
            handle.remove()
    heard = {name: given for name, given in inputs.items() if given.numel()}  # a light network's rounds may have no context
    return [name for name, given in heard.items() if float(given.std(0).max()) <= SILENT * float(given.abs().max())]
