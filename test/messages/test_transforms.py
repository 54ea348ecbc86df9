"""From known hands to TF and back: a connected tree that gives every joint."""

from __future__ import annotations

import numpy as np
import pytest
from support.known_hand import known_hand
from transforms3d.quaternions import quat2mat

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from rclpy.serialization import deserialize_message, serialize_message
from tf2_msgs.msg import TFMessage

from handmesh_ros.hand import JOINT_NAMES, JOINT_PARENTS, Side
from handmesh_ros.messages.transforms import TransformTemplate

CAMERA, STAMP = "camera_optical_frame", Time(sec=12, nanosec=250_000_000)
SIDES = ([Side.RIGHT], [Side.LEFT], [Side.LEFT, Side.RIGHT], [Side.RIGHT, Side.LEFT])


def read(serialized: bytes) -> list[TransformStamped]:
    return list(deserialize_message(serialized, TFMessage).transforms)


def absolute_poses(tree: list[TransformStamped], root: str) -> dict[str, np.ndarray]:
    """4x4 of every frame in the root's frame; fails where the tree is not connected."""
    parents = {t.child_frame_id: t for t in tree}
    assert len(parents) == len(tree), "a frame has two parents"

    def resolve(name: str) -> np.ndarray:
        if name == root:
            return np.eye(4)
        link = parents[name]
        local = np.eye(4)
        q, t = link.transform.rotation, link.transform.translation
        local[:3, :3] = quat2mat([q.w, q.x, q.y, q.z])
        local[:3, 3] = (t.x, t.y, t.z)
        return resolve(link.header.frame_id) @ local

    return {name: resolve(name) for name in parents}


@pytest.mark.parametrize("prefix", ["", "r/", "arm/", "robot/"])
@pytest.mark.parametrize("sides", SIDES)
def test_transforms_are_a_connected_right_handed_tree_that_gives_the_hands_back(sides: list[Side], prefix: str) -> None:
    template = TransformTemplate(CAMERA, sides, prefix)
    for frame in range(2):
        hands = [known_hand(side, seed=10 * frame + number) for number, side in enumerate(sides)]
        tree = read(template.fill(STAMP, hands))
        poses = absolute_poses(tree, CAMERA)
        assert len(tree) == 21 * len(sides)
        for hand in hands:
            for index, name in enumerate(JOINT_NAMES):
                pose = poses[f"{prefix}{hand.side.value}_hand_{name}"]
                np.testing.assert_allclose(pose[:3, 3], hand.joints[index], atol=1e-9)
                np.testing.assert_allclose(pose[:3, :3], hand.rotations[index], atol=1e-9)
                assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)


def test_parents_are_the_joints_parents_and_stamps_the_images() -> None:
    tree = {t.child_frame_id: t for t in read(TransformTemplate(CAMERA, [Side.RIGHT]).fill(STAMP, [known_hand()]))}
    assert tree["right_hand_wrist"].header.frame_id == CAMERA
    assert tree["right_hand_index_pip"].header.frame_id == "right_hand_index_mcp"
    for child, parent in enumerate(JOINT_PARENTS):
        if parent >= 0:
            assert tree[f"right_hand_{JOINT_NAMES[child]}"].header.frame_id == f"right_hand_{JOINT_NAMES[parent]}"
    assert all(t.header.stamp == STAMP for t in tree.values())


def test_wrist_only_gives_one_transform() -> None:
    (link,) = read(TransformTemplate(CAMERA, [Side.LEFT], wrist_only=True).fill(STAMP, [known_hand(Side.LEFT)]))
    assert (link.header.frame_id, link.child_frame_id) == (CAMERA, "left_hand_wrist")


@pytest.mark.parametrize("sides", SIDES)
def test_patched_bytes_have_the_length_of_ros_s_own(sides: list[Side]) -> None:
    patched = TransformTemplate(CAMERA, sides).fill(STAMP, [known_hand(side) for side in sides])
    assert len(patched) == len(serialize_message(TFMessage(transforms=read(patched))))
