"""A part that died is told by what it feeds."""

from __future__ import annotations

import pytest
import torch
from support.paths import REPO

from handmesh_training.networks import TemplateLevels
from handmesh_training.networks.checkpoint import load_network
from handmesh_training.template import HandTemplate
from handmesh_training.trainer.alive import deaf_layers

FILE = REPO / "models" / "mobrecon.pt"


@pytest.mark.skipif(not FILE.is_file(), reason=f"{FILE} is missing")
def test_the_shipped_network_hears_everything_and_a_dead_part_is_named() -> None:
    network, _ = load_network(FILE, TemplateLevels.from_hand_template(HandTemplate.load()))
    patches = torch.rand(4, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    assert deaf_layers(network, patches) == []
    torch.nn.init.zeros_(network.refinement.rounds[1].enter.weight)  # type: ignore[union-attr, index, arg-type]
    deaf = deaf_layers(network, patches)
    assert {"refinement.rounds.1.leave", "refinement.rounds.1.layers.0.first", "pooling.context"} <= set(deaf)
    assert not any(name.startswith(("encoder", "refinement.rounds.0", "head")) for name in deaf)
