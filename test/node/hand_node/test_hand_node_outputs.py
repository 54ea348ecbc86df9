"""The node's output over real DDS with a real picture of a hand: what a user's node gets on every topic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import TransformStamped
from handmesh_ros.msg import Hand as HandMessage
from sensor_msgs_py import point_cloud2
from std_srvs.srv import SetBool
from support.camera_stand_in import CAMERA, FRAME_ID, CameraStandIn, empty_picture, hand_picture, stamp_of
from support.hand_node_topics import PICTURES, TOPICS, joints_of, side_of
from support.ros_world import World
from visualization_msgs.msg import Marker

from handmesh_ros.hand import JOINT_NAMES
from handmesh_ros.messages.images import frame_of_compressed, frame_of_image
from handmesh_ros.perception.tracking.tracker import LossReason

pytestmark = pytest.mark.timeout(120)


def test_hand_projects_onto_its_own_keypoints(hand: HandMessage) -> None:
    """Metres, pixels, K and frame fit together: the joints lie where the picture shows them."""
    assert hand.metric and hand.state == HandMessage.STATE_TRACKING and hand.score > 0.5
    keypoints = np.reshape(hand.keypoints, (21, 2)).astype(float)
    size_px = np.linalg.norm(keypoints[9] - keypoints[0])
    error = np.linalg.norm(CAMERA.project(joints_of(hand)) - keypoints, axis=1)
    assert np.median(error) < 0.1 * size_px
    assert 0.2 < hand.joints[0].position.z < 1.5
    assert np.linalg.norm(joints_of(hand)[9] - joints_of(hand)[0]) == pytest.approx(hand.size_m, rel=0.15)


def test_every_output_carries_the_images_header(world: World, hand: HandMessage) -> None:
    header = world.messages["hands"][-1].header
    side = side_of(hand)
    for topic in ("hands_raw", "mesh", "points", *PICTURES, f"{side}/palm_pose", f"{side}/grasp"):
        assert [message.header for message in world.messages[topic]] == [header], topic
    assert {marker.header.frame_id for message in world.messages["markers"] for marker in message.markers} == {FRAME_ID}
    assert world.messages["markers"][-1].markers[0].header.stamp == header.stamp
    assert all(link.header.stamp == header.stamp for link in world.messages["/tf"][-1].transforms)


def test_tf_is_one_tree_of_21_frames_that_leads_to_the_joints(world: World, hand: HandMessage) -> None:
    (message,) = world.messages["/tf"]
    links: dict[str, TransformStamped] = {link.child_frame_id: link for link in message.transforms}
    assert set(links) == {f"op_{side_of(hand)}_hand_{name}" for name in JOINT_NAMES}

    def position_in_image_frame(frame: str, point: np.ndarray) -> np.ndarray:
        """Up the tree, by the definition of a transform: p_parent = t + q p q*."""
        while frame != FRAME_ID:
            link = links[frame]
            t, q = link.transform.translation, link.transform.rotation
            axis, w = np.array([q.x, q.y, q.z]), q.w
            point = point + 2 * np.cross(axis, np.cross(axis, point) + w * point) + [t.x, t.y, t.z]
            frame = link.header.frame_id
        return point

    expected = joints_of(hand)
    for index, name in enumerate(JOINT_NAMES):
        frame = f"op_{side_of(hand)}_hand_{name}"
        np.testing.assert_allclose(position_in_image_frame(frame, np.zeros(3)), expected[index], atol=1e-6)
    # x points along the bone: the next joint lies on the positive x axis of its parent's frame.
    tip = links[f"op_{side_of(hand)}_hand_index_tip"].transform.translation
    assert tip.x > 0.005 and np.hypot(tip.y, tip.z) < 0.2 * tip.x


def test_tf_is_sent_before_the_hands_that_refer_to_it(world: World, camera: CameraStandIn, hand: HandMessage) -> None:
    """A consumer that looks a frame up in its `hands` callback must have been able to hear of it."""
    sent: dict[str, dict[float, int]] = {"/tf": {}, "hands": {}}

    def note(topic: str) -> Callable[[Any, dict[str, int]], None]:
        return lambda message, info: sent[topic].update({stamp_of(message): info["source_timestamp"]})

    listeners = [world.node.create_subscription(TOPICS[topic], topic, note(topic), 50) for topic in sent]
    for _ in range(10):
        camera.send_until_answered(hand_picture())
    world.until(lambda: len(sent["/tf"].keys() & sent["hands"].keys()) > 5, "both come for the same images")
    for listener in listeners:
        world.node.destroy_subscription(listener)
    stamps = sent["/tf"].keys() & sent["hands"].keys()
    assert all(sent["/tf"][stamp] < sent["hands"][stamp] for stamp in stamps)


def test_mesh_points_and_markers_are_the_same_surface(world: World, hand: HandMessage) -> None:
    faces = world.messages["mesh_faces"][-1]
    vertices = np.reshape(world.messages["mesh"][-1].vertices, (-1, 3))
    assert faces.model and len(vertices) == faces.vertex_count
    points = point_cloud2.read_points(world.messages["points"][-1])
    np.testing.assert_array_equal(np.stack([points["x"], points["y"], points["z"]], axis=1), vertices)
    triangles = np.reshape(faces.left if hand.side == HandMessage.SIDE_LEFT else faces.right, (-1, 3))
    mesh = world.messages["markers"][-1].markers[0]
    assert mesh.ns == f"handmesh/{side_of(hand)}/mesh" and mesh.type == Marker.TRIANGLE_LIST
    drawn = np.array([(p.x, p.y, p.z) for p in mesh.points])
    np.testing.assert_allclose(drawn, vertices[triangles.reshape(-1)], atol=1e-7)
    # The surface lies around the joints; the wrist lies at its open end.
    nearest = np.linalg.norm(joints_of(hand)[1:, None] - vertices[None], axis=2).min(axis=1)
    assert nearest.max() < 0.03


def test_overlay_is_the_picture_with_a_hand_drawn_in(world: World, hand: HandMessage) -> None:
    drawn = frame_of_image(world.messages["overlay"][-1]).astype(int)
    changed = np.abs(drawn - hand_picture()).max(axis=2) > 8
    assert np.abs(frame_of_compressed(world.messages["overlay/compressed"][-1]).astype(int) - drawn).mean() < 3
    u, v = np.reshape(hand.keypoints, (21, 2))[9].astype(int)
    assert changed[v - 2 : v + 3, u - 2 : u + 3].any() and 0.005 < changed.mean() < 0.6


def test_lost_hand_is_absent_everywhere_and_its_markers_are_deleted(world: World, camera: CameraStandIn, hand: HandMessage) -> None:
    def gone() -> bool:
        camera.send_until_answered(empty_picture())
        return not world.messages["hands"][-1].hands

    world.until(gone, "the hand is lost")
    world.until(lambda: world.messages["markers"][-1].markers[0].action == Marker.DELETE, "its markers are deleted")
    assert {marker.ns for marker in world.messages["markers"][-1].markers} == {
        f"handmesh/{side_of(hand)}/mesh", f"handmesh/{side_of(hand)}/skeleton"
    }  # fmt: skip
    world.spin(0.3)
    for topic in TOPICS:
        world.messages[topic].clear()
    for _ in range(3):
        camera.send_until_answered(empty_picture())
    world.spin(0.2)
    silent = [topic for topic in TOPICS if topic not in ("hands", "hands_raw", "points", *PICTURES)]
    assert {topic: len(world.messages[topic]) for topic in silent} == dict.fromkeys(silent, 0)
    assert world.messages["points"][-1].width == 0
    told = lambda: [pair.key for pair in world.messages["/diagnostics"][-1].status[0].values]  # noqa: E731
    world.until(lambda: any(key.startswith("hands lost: ") for key in told()), "diagnostics count the loss")


def test_diagnostics_say_why_a_hand_was_lost_when_a_bag_begins_anew(world: World, camera: CameraStandIn, hand: HandMessage) -> None:
    def lost() -> dict[str, int]:
        values = {pair.key: pair.value for pair in world.messages["/diagnostics"][-1].status[0].values}
        return {key: int(value) for key, value in values.items() if key.startswith("hands lost")}

    world.messages["/diagnostics"].clear()
    world.until(lambda: world.messages["/diagnostics"], "diagnostics come")
    reason = f"hands lost: {LossReason.TIME_WENT_BACK.value}"
    before = lost()
    camera.stamp_s -= 5
    world.until(lambda: camera.send_until_answered(hand_picture()) and world.messages["hands"][-1].hands, "the hand is found anew")
    assert world.messages["hands"][-1].hands[0].track_id > hand.track_id
    world.messages["/diagnostics"].clear()
    world.until(lambda: world.messages["/diagnostics"], "diagnostics come")
    assert lost() == {**before, reason: before.get(reason, 0) + 1}


def test_disabled_node_is_silent(world: World, camera: CameraStandIn) -> None:
    assert world.call(SetBool, "hand_node/set_enabled", SetBool.Request(data=False)).success
    header = camera.send(hand_picture())
    world.spin(0.4)
    assert not camera.answered(header)
    assert world.call(SetBool, "hand_node/set_enabled", SetBool.Request(data=True)).success
    camera.send_until_answered(hand_picture())
