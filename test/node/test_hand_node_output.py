"""The node's output over real DDS with a real picture of a hand: what a user's node gets on every topic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped, TransformStamped
from handmesh_ros.msg import Grasp, HandArray, HandMesh, HandMeshFaces
from handmesh_ros.msg import Hand as HandMessage
from handmesh_ros.srv import CalibrateHandSize
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, Image, PointCloud2
from sensor_msgs_py import point_cloud2
from std_msgs.msg import Bool
from std_srvs.srv import SetBool, Trigger
from support.camera_stand_in import CAMERA, FRAME_ID, CameraStandIn, empty_picture, hand_picture, stamp_of
from support.ros_world import World
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from handmesh_ros.hand import JOINT_NAMES
from handmesh_ros.messages.images import frame_of_compressed, frame_of_image
from handmesh_ros.perception.tracking.tracker import LossReason
from handmesh_ros.provision import DEFAULT_MODEL, ModelError, model_path

pytestmark = pytest.mark.timeout(120)

PICTURES = ("overlay", "overlay/compressed")
TOPICS = {
    "hands": HandArray,
    "hands_raw": HandArray,
    "mesh": HandMesh,
    "markers": MarkerArray,
    "points": PointCloud2,
    "overlay": Image,
    "overlay/compressed": CompressedImage,
    "/tf": TFMessage,
    **{f"{side}/palm_pose": PoseWithCovarianceStamped for side in ("left", "right")},
    **{f"{side}/grasp": Grasp for side in ("left", "right")},
    **{f"{side}/target_pose": PoseStamped for side in ("left", "right")},
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    try:
        model_path(DEFAULT_MODEL)
        model_path("palm_detection")
    except ModelError as error:
        pytest.skip(str(error))
    world = World()
    for topic, message_type in TOPICS.items():
        world.listen(topic, message_type)
    world.listen("/diagnostics", DiagnosticArray)
    for side in ("left", "right"):
        world.listen(f"{side}/clutch", Bool, QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    world.listen("mesh_faces", HandMeshFaces, QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    world.start("node.hand_node", max_hands=1, frame_prefix="op_").wait_for_log("ready")
    yield world
    world.close()


@pytest.fixture(scope="module")
def camera(world: World) -> CameraStandIn:
    camera = CameraStandIn(world, world.node.get_clock().now().nanoseconds * 1e-9)
    camera.wait_for_node()
    camera.send_until_answered(empty_picture())
    return camera


@pytest.fixture
def hand(world: World, camera: CameraStandIn) -> HandMessage:
    """The hand of a frame that all outputs have had time to come for; messages of other frames are forgotten."""
    picture = hand_picture()
    world.until(lambda: camera.send_until_answered(picture) and world.messages["hands"][-1].hands, "the hand is found")
    # A pause of more than a marker's period, by the stamps: every output is due for this frame.
    camera.stamp_s += 0.1
    header = camera.send(picture)
    world.until(lambda: camera.answered(header), "the frame is answered")
    (found,) = next(message for message in world.messages["hands"] if message.header == header).hands
    side = side_of(found)
    outputs = ["hands_raw", "mesh", "markers", "points", *PICTURES, "/tf", f"{side}/palm_pose", f"{side}/grasp"]
    came = lambda topic: any(stamp_of(message) == stamp_of(header) for message in world.messages[topic])  # noqa: E731
    world.until(lambda: all(came(topic) for topic in outputs), "every output of the frame comes")
    for topic in TOPICS:
        world.messages[topic][:] = [message for message in world.messages[topic] if stamp_of(message) == stamp_of(header)]
    return found


def side_of(hand: HandMessage) -> str:
    return {HandMessage.SIDE_LEFT: "left", HandMessage.SIDE_RIGHT: "right"}[hand.side]


def joints_of(hand: HandMessage) -> np.ndarray:
    return np.array([(p.position.x, p.position.y, p.position.z) for p in hand.joints])


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


def set_clutch(world: World, side: str, wanted: bool) -> bool:
    return bool(world.call(SetBool, f"hand_node/{side}/clutch", SetBool.Request(data=wanted)).success)


def engage(world: World, camera: CameraStandIn, side: str) -> None:
    """On a busy machine a second without images passes easily, and the node does not engage on what it saw before."""
    world.until(lambda: camera.send_until_answered(hand_picture()) and set_clutch(world, side, True), "the clutch engages")


def test_target_pose_waits_for_the_clutch_and_is_predicted_towards_now(world: World, camera: CameraStandIn, hand: HandMessage) -> None:
    topic = f"{side_of(hand)}/target_pose"
    assert not world.messages[topic]
    camera.stamp_s = world.node.get_clock().now().nanoseconds * 1e-9
    world.until(lambda: camera.send_until_answered(hand_picture()) and world.messages["hands"][-1].hands, "the hand is found at this time")
    engage(world, camera, side_of(hand))
    header = camera.send_until_answered(hand_picture())
    world.until(lambda: world.messages[topic], "a target pose comes")
    target, image_s = world.messages[topic][-1], header.stamp.sec + 1e-9 * header.stamp.nanosec
    ahead = target.header.stamp.sec + 1e-9 * target.header.stamp.nanosec - image_s
    assert target.header.frame_id == FRAME_ID
    assert 0 < ahead <= 0.05 + 1e-3
    assert set_clutch(world, side_of(hand), False)
    world.spin(0.3)
    world.messages[topic].clear()
    camera.send_until_answered(hand_picture())
    world.spin(0.3)
    assert not world.messages[topic]


def lose(world: World, camera: CameraStandIn) -> str:
    def gone() -> bool:
        camera.send_until_answered(empty_picture())
        return not world.messages["hands"][-1].hands

    world.until(gone, "the hand is lost")
    return "is lost"


def reset(world: World, camera: CameraStandIn) -> str:
    assert world.call(Trigger, "hand_node/reset", Trigger.Request()).success
    return "reset"


def disable(world: World, camera: CameraStandIn) -> str:
    for enabled in (False, True):
        assert world.call(SetBool, "hand_node/set_enabled", SetBool.Request(data=enabled)).success
    return "disabled"


def wind_back(world: World, camera: CameraStandIn) -> str:
    camera.stamp_s -= 5
    camera.send_until_answered(hand_picture())
    return "is lost"


def load_model(world: World, camera: CameraStandIn) -> str:
    assert set_parameter(world, "model", DEFAULT_MODEL) == (True, "")
    return "model"


def calibrate(world: World, camera: CameraStandIn) -> str:
    assert world.call(CalibrateHandSize, "hand_node/calibrate_hand_size", CalibrateHandSize.Request()).success
    return "size"


def pause(world: World, camera: CameraStandIn) -> str:
    world.spin(2.5)  # until the diagnostics' next second finds that none came for one
    return "no images come"


@pytest.mark.parametrize("happens", [lose, reset, disable, wind_back, load_model, calibrate, pause])
def test_a_hand_that_comes_back_moves_nothing_until_engaged_anew(
    happens: Callable[[World, CameraStandIn], str], world: World, camera: CameraStandIn, hand: HandMessage
) -> None:
    side = side_of(hand)
    engage(world, camera, side)
    world.until(lambda: world.messages[f"{side}/clutch"][-1].data, "the engagement is told")
    reason = happens(world, camera)
    world.until(lambda: not world.messages[f"{side}/clutch"][-1].data, "the release is told")
    world.spin(0.2)
    world.messages[f"{side}/target_pose"].clear()
    world.until(lambda: camera.send_until_answered(hand_picture()) and world.messages["hands"][-1].hands, "the hand is back")
    for _ in range(3):
        camera.send_until_answered(hand_picture())
    world.spin(0.2)
    assert not world.messages[f"{side}/target_pose"]
    world.messages["/diagnostics"].clear()
    world.until(lambda: world.messages["/diagnostics"], "diagnostics come")
    told = {pair.key: pair.value for pair in world.messages["/diagnostics"][-1].status[0].values}[f"clutch {side}"]
    assert told.startswith("released: ") and (reason in told or "no images come" in told), "the other reason is a busy machine's"


def set_parameter(world: World, name: str, value: str | float | int) -> tuple[bool, str]:
    kinds = {
        str: (ParameterType.PARAMETER_STRING, "string_value"),
        float: (ParameterType.PARAMETER_DOUBLE, "double_value"),
        int: (ParameterType.PARAMETER_INTEGER, "integer_value"),
    }
    kind, field = kinds[type(value)]
    request = SetParameters.Request(parameters=[Parameter(name=name, value=ParameterValue(type=kind, **{field: value}))])
    (result,) = world.call(SetParameters, "hand_node/set_parameters", request).results
    return result.successful, result.reason


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("publish_tf", "some", "expected all, wrist, none"),
        ("model", "no_such_model", "no_such_model"),
        ("model", "/no/such/file.onnx", "/no/such/file.onnx"),
        ("max_hands", 7, "max_hands"),
        ("hand_size_m", 0.01, "0.01 m"),
        ("image_transport", "compressed", "read-only"),
        ("model", 300 * "a" + ".onnx", "names no model file"),
        ("model", 300 * "a", "names no model file"),
        ("marker_rate_hz", "fast", "expected 1 to 120"),
    ],
)
def test_impossible_parameters_are_refused_with_a_reason(
    name: str, value: str | float | int, reason: str, world: World, camera: CameraStandIn
) -> None:
    successful, told = set_parameter(world, name, value)
    assert not successful and reason in told
    camera.send_until_answered(empty_picture())


def test_parameters_change_at_run_time(world: World, camera: CameraStandIn, hand: HandMessage) -> None:
    assert set_parameter(world, "publish_tf", "wrist") == (True, "")
    assert set_parameter(world, "hand_size_m", 0.08) == (True, "")
    assert set_parameter(world, "handedness", "left") == (True, "")
    try:
        for topic in ("hands", "/tf"):
            world.messages[topic].clear()
        world.until(lambda: camera.send_until_answered(hand_picture()) and world.messages["/tf"], "the hand is found again")
        (link,) = world.messages["/tf"][-1].transforms
        assert link.child_frame_id == "op_left_hand_wrist"
        changed = world.messages["hands"][-1].hands[0]
        assert changed.side == HandMessage.SIDE_LEFT and changed.size_m == pytest.approx(0.08)
    finally:
        assert set_parameter(world, "publish_tf", "all")[0] and set_parameter(world, "handedness", "auto")[0]
        assert set_parameter(world, "hand_size_m", 0.0)[0]


def test_half_the_hand_size_is_half_the_distance(world: World, camera: CameraStandIn, hand: HandMessage) -> None:
    distance, size = hand.joints[0].position.z, hand.size_m
    given = world.call(CalibrateHandSize, "hand_node/calibrate_hand_size", CalibrateHandSize.Request(size_m=0.7 * size))
    assert given.success and given.size_m == pytest.approx(0.7 * size)
    assert world.call(Trigger, "hand_node/reset", Trigger.Request()).success
    world.until(lambda: camera.send_until_answered(hand_picture()) and world.messages["hands"][-1].hands, "the hand is found after a reset")
    smaller = world.messages["hands"][-1].hands[0]
    assert smaller.track_id != hand.track_id
    assert smaller.joints[0].position.z == pytest.approx(0.7 * distance, rel=0.05)
    back = world.call(CalibrateHandSize, "hand_node/calibrate_hand_size", CalibrateHandSize.Request())
    assert back.success and back.size_m == pytest.approx(size)
    wrong = world.call(CalibrateHandSize, "hand_node/calibrate_hand_size", CalibrateHandSize.Request(size_m=0.1, distance_m=0.5))
    assert not wrong.success and "either" in wrong.message
    # The smoothed hand would take some frames from one distance to the other.
    assert world.call(Trigger, "hand_node/reset", Trigger.Request()).success


def test_known_distance_calibrates_the_size(world: World, camera: CameraStandIn, hand: HandMessage) -> None:
    distance = hand.joints[0].position.z
    answer = world.call(CalibrateHandSize, "hand_node/calibrate_hand_size", CalibrateHandSize.Request(distance_m=0.9 * distance))
    assert answer.success, answer.message
    assert answer.size_m == pytest.approx(0.9 * hand.size_m, rel=0.05)
    assert world.call(CalibrateHandSize, "hand_node/calibrate_hand_size", CalibrateHandSize.Request()).success
    wrong_side = HandMessage.SIDE_LEFT if hand.side == HandMessage.SIDE_RIGHT else HandMessage.SIDE_RIGHT
    request = CalibrateHandSize.Request(side=wrong_side, distance_m=0.5)
    refused = world.call(CalibrateHandSize, "hand_node/calibrate_hand_size", request)
    assert not refused.success and "show exactly one" in refused.message


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
