"""The skeleton's joints, and their derivatives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.skeleton_hands import SIZE_M, bones, joints_of, pose

from handmesh_ros.hand_proportions import PHALANX_LENGTHS, ROOT_PLACES
from handmesh_ros.perception.articulated.kinematics import Bones, pose_near, posed
from handmesh_ros.perception.articulated.skeleton import DOFS, ROLL

STEP = 1e-6


def test_bones_have_their_lengths_in_every_pose() -> None:
    for bend in (-0.2, 0.0, 0.5):
        chains = posed(pose(bend=bend), bones())
        np.testing.assert_allclose(np.linalg.norm(np.diff(chains.points, axis=1), axis=-1), SIZE_M * PHALANX_LENGTHS, atol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(chains.points[2, 0]), SIZE_M, atol=1e-12)


def test_bent_fingers_move_towards_the_palm() -> None:
    straight, bent = (posed(pose(bend=bend), bones()).points @ pose().rotation for bend in (-0.3, 0.3))
    assert (bent[1:, -1, 2] < straight[1:, -1, 2] - 0.01).all()  # the wrist's z points out of the back


@pytest.mark.parametrize("dof", range(DOFS))
def test_derivatives_by_angles(dof: int) -> None:
    here = pose(bend=0.2)
    turned = here.angles.copy()
    turned[:, dof] += STEP
    moved = posed(replace(here, angles=turned), bones()).points - posed(here, bones()).points
    np.testing.assert_allclose(posed(here, bones()).by_angles()[:, :, dof], moved / STEP, atol=1e-4)


def test_derivatives_by_the_person() -> None:
    here, before = pose(), posed(pose(), bones())
    derivatives = before.by_person(here, bones(), SIZE_M)
    for k in range(3):
        roots, lengths = bones().roots.copy(), bones().lengths.copy()
        roots[:, k] += SIZE_M * STEP
        np.testing.assert_allclose(derivatives[:, :, k], (posed(here, Bones(roots, lengths)).points - before.points) / STEP, atol=1e-6)
        lengths[:, k] *= 1 + STEP
        moved = posed(here, Bones(SIZE_M * ROOT_PLACES, lengths)).points - before.points
        np.testing.assert_allclose(derivatives[:, :, 3 + k], moved / STEP, atol=1e-6)


def test_a_pose_is_read_from_its_joints() -> None:
    here = pose(bend=0.3)
    read = pose_near(joints_of(here, bones()), here.rotation)
    np.testing.assert_allclose(np.delete(read.angles, ROLL, axis=1), np.delete(here.angles, ROLL, axis=1), atol=1e-9)
