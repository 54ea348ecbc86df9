"""Trained networks on disk: a torch file with the description of the network, its weights and a line about the training."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch

from handmesh_ros.errors import HandmeshError, reading
from handmesh_training.networks.config import NetworkConfig
from handmesh_training.networks.levels import TemplateLevels
from handmesh_training.networks.mobrecon import MobRecon

FORMAT = "handmesh_network_1"


class NetworkFileError(HandmeshError, ValueError):
    """The file is no network that save_network wrote, or was trained on another template."""


def save_network(path: str | Path, network: MobRecon, training: str, half: bool = False) -> None:
    """Write a network; ``training`` is one line on data and recipe, kept in the exported model's metadata. ``half`` stores float16: half
    the file, good to go on training from."""
    state = {name: value.half() if half and value.is_floating_point() else value for name, value in network.state_dict().items()}
    content = {"format": FORMAT, "config": asdict(network.config), "state": state, "training": training}
    torch.save(content, Path(path))


def load_network(path: str | Path, levels: TemplateLevels) -> tuple[MobRecon, str]:
    """Read a network in eval mode and its line on training.

    Args:
        path: file of save_network.
        levels: the template that it was trained with (the file does not hold it).

    Raises:
        NetworkFileError: no such file, another kind of file, or weights that do not fit the description and template.
    """
    path = Path(path)
    if not path.is_file():
        raise NetworkFileError(f"{path}: there is no such file; 'handmesh train' writes one")
    with reading(path, "a readable network file, or one for another template", NetworkFileError):
        content = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise NetworkFileError(f"{path}: not a network of this project; official checkpoints go to 'handmesh import-official'")
        network = MobRecon(NetworkConfig.from_dict(content["config"]), levels)
        network.load_state_dict(content["state"])
    return network.eval(), str(content.get("training", ""))
