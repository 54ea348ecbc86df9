"""A hand as angles, and back; and the URDF that they move."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.known_hand import known_hand
from support.paths import REPO
from transforms3d.euler import euler2mat

from handmesh_ros.finger_angles import ANGLE_NAMES, finger_angles, posed_joints
from handmesh_ros.hand import JOINT_NAMES, MIDDLE_MCP, WRIST, Side
from handmesh_ros.hand_proportions import PHALANX_LENGTHS
from handmesh_ros.hand_urdf import FINGER_ANGLE_LIMITS, THUMB_ANGLE_LIMITS, hand_urdf, joint_name
from handmesh_ros.perception.frames import joint_rotations
from handmesh_ros.perception.rotations import rotation_matrix

LIMITS = [*THUMB_ANGLE_LIMITS, *(limits for _ in range(4) for limits in FINGER_ANGLE_LIMITS)]
angles_in_limits = st.tuples(*(st.floats(*limits) for limits in LIMITS)).map(np.array)


@settings(max_examples=50, deadline=None)
@given(angles=angles_in_limits, side=st.sampled_from(Side), turn=st.tuples(*[st.floats(-2, 2)] * 3))
def test_the_angles_give_the_hand_back(angles: np.ndarray, side: Side, turn: tuple[float, float, float]) -> None:
    """Exactly where abduction is known; what fades of it near an upright finger stays small."""
    rotation = rotation_matrix(np.array(turn))
    joints = posed_joints(angles, side, 0.09)
    seen = joints @ rotation.T + (0.1, -0.2, 0.6)
    again = posed_joints(finger_angles(seen, rotation, side), side, 0.09)
    straight = np.repeat(np.abs(angles.reshape(5, 4)[:, 1]) < 0.5, 4)
    assert np.linalg.norm(again - joints, axis=1)[1:][straight].max(initial=0) < 0.003
    assert np.linalg.norm(again - joints, axis=1).max() < 0.045


def test_both_hands_have_the_same_angles_in_the_same_shape() -> None:
    angles = np.linspace(-0.3, 0.5, 20)
    found = [finger_angles(posed_joints(angles, side, 0.1), np.eye(3), side) for side in Side]
    np.testing.assert_allclose(found[0], found[1], atol=1e-12)


def test_a_fist_is_bent_and_a_flat_hand_is_not() -> None:
    flexions = [k for k, name in enumerate(ANGLE_NAMES) if name.endswith("flexion") and not name.startswith("thumb")]
    with np.load(REPO / "config/demo/grasp_truth.npz") as truth:
        flat, fist = (truth["joints"][k].astype(float) for k in (0, 100))
    bends = [finger_angles(joints, joint_rotations(joints, Side.RIGHT)[WRIST], Side.RIGHT)[flexions] for joints in (flat, fist)]
    assert np.abs(bends[0]).max() < 0.5 and bends[1].reshape(4, 3).sum(1).min() > 3.0


def test_the_table_is_of_the_clips_hand() -> None:
    """Where this fails after a joint was redefined: the table's comment says what its numbers are medians of."""
    with np.load(REPO / "config/demo/grasp_truth.npz") as truth:
        joints = truth["joints"].astype(float)
    sizes = np.linalg.norm(joints[:, MIDDLE_MCP] - joints[:, WRIST], axis=1)
    chains = joints[:, 1:].reshape(-1, 5, 4, 3)
    lengths = np.median(np.linalg.norm(np.diff(chains, axis=2), axis=3) / sizes[:, None, None], axis=0)
    np.testing.assert_allclose(PHALANX_LENGTHS, lengths, rtol=0.02)


def test_lengths_come_from_the_table_and_the_size() -> None:
    assert np.linalg.norm(posed_joints(np.zeros(20), Side.LEFT, 0.083)[MIDDLE_MCP]) == pytest.approx(0.083)


@pytest.mark.parametrize("side", Side)
def test_the_urdf_moves_as_the_angles_say(side: Side) -> None:
    robot = ElementTree.fromstring(hand_urdf(side, 0.09))
    links = {link.get("name") for link in robot.findall("link")}
    joints = robot.findall("joint")
    assert {joint.find("child").get("link") for joint in joints} == links - {f"{side.value}_model_wrist"}  # type: ignore[union-attr]
    moving = [joint.get("name") for joint in joints if joint.get("type") == "revolute"]
    assert moving == [joint_name(side, name) for name in ANGLE_NAMES]
    random = np.random.default_rng(3)
    angles = dict(zip(moving, (random.uniform(*limits) for limits in LIMITS), strict=True))
    frames = {f"{side.value}_model_wrist": np.eye(4)}
    for joint in joints:  # parents come before children
        origin = joint.find("origin")
        assert origin is not None
        step, turn = np.eye(4), np.eye(4)
        step[:3, 3] = [float(v) for v in origin.get("xyz", "").split()]
        step[:3, :3] = euler2mat(*(float(v) for v in origin.get("rpy", "").split()))
        if joint.get("type") == "revolute":
            axis = np.array([float(v) for v in joint.find("axis").get("xyz").split()])  # type: ignore[union-attr]
            turn[:3, :3] = rotation_matrix(axis * angles[joint.get("name")])
        parent, child = (joint.find(end).get("link") for end in ("parent", "child"))  # type: ignore[union-attr]
        frames[child] = frames[parent] @ step @ turn
    expected = posed_joints(np.array(list(angles.values())), side, 0.09)
    for name, place in zip(JOINT_NAMES, expected, strict=True):
        np.testing.assert_allclose(frames[f"{side.value}_model_{name}"][:3, 3], place, atol=1e-5, err_msg=name)


def test_messages_name_the_urdfs_joints_and_mark_what_is_not_measured() -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2")
    from std_msgs.msg import Header

    from handmesh_ros.joint_sets import OPENXR_NAMES
    from handmesh_ros.messages.build import palm_position
    from handmesh_ros.messages.joint_messages import joint_states, openxr_poses
    from handmesh_ros.node.received import rotation_matrices

    hand = known_hand(Side.LEFT)
    message = joint_states(Header(frame_id="camera"), hand)
    assert message.name == [f"left_{name}" for name in ANGLE_NAMES] and len(message.position) == 20
    poses = openxr_poses(Header(frame_id="camera"), hand).poses
    places = np.array([(pose.position.x, pose.position.y, pose.position.z) for pose in poses])
    unmeasured = [OPENXR_NAMES[k] for k in np.flatnonzero(np.isnan(places).any(1))]
    assert unmeasured == [f"{finger}_metacarpal" for finger in ("index", "middle", "ring", "little")]
    np.testing.assert_allclose(places[0], palm_position(hand), atol=1e-6)
    np.testing.assert_allclose(places[OPENXR_NAMES.index("index_tip")], hand.joints[8], atol=1e-6)
    turns = np.array([(pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w) for pose in poses])
    np.testing.assert_allclose(rotation_matrices(turns[1:2])[0][:, 2], -hand.rotations[WRIST][:, 0], atol=1e-6)
