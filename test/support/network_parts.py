"""Small made-up templates and official checkpoints for the tests of the networks."""

from __future__ import annotations

import importlib.util
import itertools
from types import ModuleType

import numpy as np
import torch

from handmesh_training.networks import TemplateLevels
from support.paths import SHARED

FIXTURES = SHARED / "handmesh_fixtures"
TEMPLATE = FIXTURES / "template"
LAYOUTS = ("official_densestack_keys", "official_densestack_spiralconv_keys", "official_cmr_spiralconv_keys")
PAPER_LEVELS = (49, 98, 195, 389, 778)


def made_up_levels(counts: tuple[int, ...] = PAPER_LEVELS, seed: int = 0) -> TemplateLevels:
    """Levels of the given sizes with random but valid content: three weights a row, random spirals, faces and joints."""
    rng = np.random.default_rng(seed)
    upsampling, spirals = [], []
    for coarse, fine in itertools.pairwise(counts):
        matrix = np.zeros((fine, coarse), np.float32)
        for row in matrix:
            row[rng.choice(coarse, 3, replace=False)] = rng.dirichlet(np.ones(3))
        upsampling.append(matrix)
        spirals.append(rng.integers(0, fine, (fine, 9)))
    regressor = rng.random((21, counts[-1])).astype(np.float32)
    faces = rng.integers(0, counts[-1], (2 * counts[-1] - 18, 3))
    return TemplateLevels(tuple(upsampling), tuple(spirals), faces, regressor / regressor.sum(1, keepdims=True), 0.09)


def randomize(network: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Weights and batch norm statistics as a trained network has them: no layer at its start values, values of order one."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if tensor.dtype != torch.float32 or name in ("joint_regressor",) or name.split(".")[-1] in ("cells", "weights"):
            continue
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith("running_var"):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
        elif name.endswith("norm.weight"):
            tensor.copy_(0.6 + 0.8 * torch.rand(tensor.shape, generator=generator))
        elif tensor.ndim > 1 and tensor.numel():
            tensor.copy_(noise * (2.0 / tensor[0].numel()) ** 0.5)
        else:
            tensor.copy_(0.1 * noise)
    return network.eval()


def fixture_tools() -> ModuleType:
    """The fixtures' own script, which draws a checkpoint's tensors."""
    spec = importlib.util.spec_from_file_location("make_checkpoint", FIXTURES / "make_checkpoint.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def official_state(layout: str, salt: str = "a") -> dict[str, torch.Tensor]:
    """Tensors of an official layout by name."""
    tensors = fixture_tools().tensors(FIXTURES / f"{layout}.txt", salt)
    return {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in tensors}
