"""How closed a hand is, from joints alone: no ROS is needed."""

from __future__ import annotations

import numpy as np
import pytest
from support.known_hand import bent_joints
from support.paths import SHARED
from transforms3d.euler import euler2mat

from handmesh_ros.perception import grasp
from handmesh_training.template.rig import load_poses, load_rig


def test_aperture_falls_from_flat_hand_to_fist_whatever_size_and_place() -> None:
    apertures = [grasp.aperture(bent_joints(bend)) for bend in np.linspace(0, 1.4, 8)]
    assert apertures[0] == 1.0 and apertures[-1] == 0.0
    assert (np.diff(apertures) <= 0).all()
    moved = 1.3 * bent_joints(0.6) @ euler2mat(0.3, 1.0, -2).T + [0.1, 0.2, 0.6]
    assert grasp.aperture(moved) == pytest.approx(grasp.aperture(bent_joints(0.6)))
    assert 0.2 < grasp.aperture(bent_joints(0.6)) < 0.8


def test_bends_between_flat_and_fist_count_evenly() -> None:
    quarters = np.linspace(grasp.FIST_BEND_RAD, grasp.OPEN_BEND_RAD, 5)
    assert [grasp.aperture(bent_joints(bend / 3)) for bend in quarters] == pytest.approx([0, 0.25, 0.5, 0.75, 1])


def test_pinch_is_the_distance_of_two_tips_in_metres() -> None:
    joints = bent_joints(0.4)
    joints[8] = joints[4] + [0.0, 0.03, 0.04]
    assert grasp.pinch_distance(joints) == pytest.approx(0.05)


def test_joints_all_in_one_place_make_a_closed_hand_and_no_nan() -> None:
    assert grasp.aperture(np.zeros((21, 3))) == 0.0


@pytest.mark.skipif(not (SHARED / "assets" / "hand").is_dir(), reason="needs the CC0 hand: shared/assets/hand")
def test_named_poses_of_a_modelled_hand_are_as_closed_as_they_are_called() -> None:
    rig = load_rig(SHARED / "assets")
    poses = load_poses(SHARED / "assets", rig)
    found = {name: grasp.aperture(rig.joint_positions(rig.bone_transforms(poses[name]))) for name in ("Sign 5", "Straight", "Cup", "Grip")}
    assert found["Sign 5"] == 1.0 and found["Grip"] == 0.0
    assert found["Straight"] > 0.9 and 0.4 < found["Cup"] < 0.7
