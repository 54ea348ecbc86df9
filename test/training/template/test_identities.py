"""MakeHuman's people on the rig: sizes, proportions, reproducible, and the mean hand stays the mean."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.paths import SHARED, needs_shared

from handmesh_ros.hand import MIDDLE_MCP, WRIST, FloatArray
from handmesh_training.template.hand_template import HandTemplate
from handmesh_training.template.identities import AGES, IdentityError, load_identities, person_weights
from handmesh_training.template.shapes import mean_shape


@pytest.fixture(scope="module")
def template() -> HandTemplate:
    return HandTemplate.load()


def rest_joints(template: HandTemplate, scale: FloatArray) -> FloatArray:
    rotations = np.repeat(template.rig.rest_rotations[None], len(scale), 0)
    return template.rig.joint_positions(template.rig.bone_transforms(rotations, scale))


@needs_shared
def test_people_have_hands_of_human_size_round_the_mean(template: HandTemplate) -> None:
    identities = load_identities(SHARED / "assets", template.rig)
    scale = identities.sample(template.rig, np.random.default_rng(0), 600)
    assert np.abs(np.log(scale / mean_shape(template.rig)).mean(0)).max() < 0.03
    joints = rest_joints(template, scale)
    size = np.linalg.norm(joints[:, MIDDLE_MCP] - joints[:, WRIST], axis=1)
    assert 0.06 < size.std() / size.mean() < 0.12
    assert size.min() > 0.05 and size.max() < 0.12
    # Proportions vary beside the size: fingers against palm, thickness against length, width of the palm.
    finger = np.linalg.norm(np.diff(joints[:, 9:13], axis=1), axis=2).sum(1) / size
    assert 0.02 < finger.std() / finger.mean() < 0.10
    slender = scale[:, template.rig.bone("Middle_Intermediate_R"), 0] / scale[:, template.rig.bone("Middle_Intermediate_R"), 1]
    assert 0.03 < slender.std() / slender.mean() < 0.2
    again = identities.sample(template.rig, np.random.default_rng(0), 600)
    assert (again == scale).all()


@needs_shared
def test_blends_of_targets_sum_to_one_person_without_babies() -> None:
    folder = SHARED / "assets" / "makehuman"
    names = json.loads((folder / "hand_forearm.json").read_text())["targets"]
    weights = person_weights(np.random.default_rng(1), names, 50)
    ethnic = [k for k, name in enumerate(names) if name.startswith(("macrodetails/african", "macrodetails/asian", "macrodetails/cauc"))]
    universal = [k for k, name in enumerate(names) if name.startswith("macrodetails/universal")]
    assert np.allclose(weights[:, ethnic].sum(1), 1, atol=1e-5) and np.allclose(weights[:, universal].sum(1), 1, atol=1e-5)
    assert not any("baby" in names[k] for k in np.flatnonzero(weights.any(0))) and "baby" not in AGES
    assert weights.min() >= 0 and weights.max() <= 1


def test_missing_people_are_named(template: HandTemplate, tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match=r"makehuman/hand_forearm\.npz"):
        load_identities(tmp_path, template.rig)
