"""From known hands to messages and back: every number, unit and frame survives."""

from __future__ import annotations

import array

import numpy as np
import pytest
from support.known_hand import FACES, VERTEX_COUNT, bent_joints, known_hand
from transforms3d.quaternions import quat2mat

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time
from handmesh_ros.msg import Hand as HandMessage
from sensor_msgs_py import point_cloud2
from std_msgs.msg import Header

from handmesh_ros.hand import Side
from handmesh_ros.messages import build
from handmesh_ros.messages.images import CameraCache, frame_of_image
from handmesh_ros.perception.camera import Camera

HEADER = Header(stamp=Time(sec=12, nanosec=250_000_000), frame_id="camera_optical_frame")


def matrix_of(quaternion: object) -> np.ndarray:
    q = quaternion
    return quat2mat([q.w, q.x, q.y, q.z])  # type: ignore[attr-defined]


def test_mesh_and_its_faces() -> None:
    hand = known_hand(Side.LEFT)
    mesh = build.hand_mesh(HEADER, hand)
    np.testing.assert_array_equal(np.reshape(mesh.vertices, (-1, 3)), hand.vertices)
    faces = build.mesh_faces("tiny", FACES, VERTEX_COUNT)
    assert isinstance(faces.right, array.array)
    right, left = np.reshape(faces.right, (-1, 3)), np.reshape(faces.left, (-1, 3))
    np.testing.assert_array_equal(right, FACES)
    np.testing.assert_array_equal(left, FACES[:, ::-1])  # a mirrored surface turns its triangles round
    assert (faces.model, faces.vertex_count) == ("tiny", VERTEX_COUNT)


def test_point_cloud_holds_both_hands() -> None:
    hands = [known_hand(Side.LEFT, 1), known_hand(Side.RIGHT, 2)]
    cloud = build.point_cloud(HEADER, hands)
    points = point_cloud2.read_points(cloud)
    found = np.stack([points["x"], points["y"], points["z"]], axis=1)
    np.testing.assert_array_equal(found, np.concatenate([hand.vertices for hand in hands]))
    assert build.point_cloud(HEADER, []).width == 0


def test_palm_pose_lies_between_wrist_and_middle_finger() -> None:
    hand = known_hand()
    pose = build.palm_pose(HEADER, hand).pose.pose
    np.testing.assert_allclose([pose.position.x, pose.position.y, pose.position.z], (hand.joints[0] + hand.joints[9]) / 2)
    np.testing.assert_allclose(matrix_of(pose.orientation), hand.rotations[0], atol=1e-9)


def test_grasp_tells_a_fist_from_an_open_hand() -> None:
    fist, flat = (build.grasp_message(HEADER, known_hand(joints=bent_joints(bend))) for bend in (1.4, 0.0))
    assert (fist.aperture, flat.aperture) == (0.0, 1.0)
    assert fist.header == HEADER and fist.state == HandMessage.STATE_TRACKING and fist.track_id == 3


def test_image_message_goes_through_the_node_s_own_reader() -> None:
    frame = np.random.default_rng(1).integers(0, 255, (5, 7, 3), np.uint8)
    np.testing.assert_array_equal(frame_of_image(build.image_message(HEADER, frame)), frame)


def test_camera_info_goes_through_the_node_s_own_reader() -> None:
    K = np.array([[500.0, 0, 319], [0, 501, 239], [0, 0, 1]])
    camera = Camera(640, 480, K, np.array([0.1, -0.2, 0.001, 0.002, 0.03]))
    cameras = CameraCache()
    cameras.info = build.camera_info_message(HEADER, camera, 640, 480)
    found, problem = cameras.camera(np.zeros((480, 640, 3), np.uint8), False, 0.0)
    assert problem is None
    np.testing.assert_allclose(found.K, K)
    np.testing.assert_allclose(found.distortion, camera.distortion)
    assert build.camera_info_message(HEADER, None, 640, 480).k[0] == 0
