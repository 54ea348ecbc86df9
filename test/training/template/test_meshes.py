"""Random hands of the template."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import MIDDLE_MCP
from handmesh_training.template import HandTemplate
from handmesh_training.template.meshes import sample_meshes


def test_meshes_are_of_one_size_and_have_their_joints_where_the_regressor_says() -> None:
    template = HandTemplate.load()
    vertices, joints = sample_meshes(template, np.random.default_rng(0), 20)
    assert vertices.shape == (20, 778, 3) and vertices.dtype == np.float32
    assert np.allclose(joints[:, 0], 0)
    assert np.allclose(np.linalg.norm(joints[:, MIDDLE_MCP], axis=1), template.reference_size_m, atol=1e-6)
    assert np.linalg.norm(template.regressor @ vertices - joints, axis=2).mean() < 0.003


def test_equal_generators_give_equal_hands() -> None:
    template = HandTemplate.load()
    first, second = (sample_meshes(template, np.random.default_rng(seed), 5)[0] for seed in (3, 3))
    assert np.array_equal(first, second)
    assert len(np.unique(first[:, 100, 0])) == 5, "and no two of them alike"
