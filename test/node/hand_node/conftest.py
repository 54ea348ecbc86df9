"""One hand node for all tests of this folder, with every topic heard and a camera that sends real pictures of a hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from handmesh_ros.msg import Hand as HandMessage
from handmesh_ros.msg import HandMeshFaces
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Bool
from support.camera_stand_in import CameraStandIn, empty_picture, hand_picture, stamp_of
from support.hand_node_topics import PICTURES, TOPICS, side_of
from support.ros_world import World

from handmesh_ros.provision import DEFAULT_MODEL, ModelError, model_path


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
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
