"""The fuse node as a process, between two hand nodes and a TF tree that this test plays."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from support.paths import REPO

pytest.importorskip("rclpy", reason="needs ROS 2")

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
from handmesh_ros.msg import HandArray
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Header
from support.ros_world import World
from support.two_cameras import NAMES, hand_at, place_beside, two_views
from tf2_msgs.msg import TFMessage
from transforms3d.quaternions import mat2quat

from handmesh_ros.hand import Hand
from handmesh_ros.messages.hand_array import HandArrayTemplate
from handmesh_ros.messages.stamps import seconds_of, time_of

LARGER = 1.06
PLACES = {name: place_beside(degrees) for name, degrees in zip(NAMES, (0.0, 60.0), strict=True)}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World()
    if find_spec("tf2_ros") is None:  # an environment that was made before the stand-in came: as make links it
        (tmp_path / "tf2_ros").symlink_to(REPO / "ros_from_pypi" / "tf2_ros")
        world.environment["PYTHONPATH"] += f":{tmp_path}"
    yield world
    world.close()


class TwoHandNodes:
    """Sends what two hand nodes send, a thirtieth of a second apart."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._publishers = {name: world.node.create_publisher(HandArray, f"{name}/hands", 5) for name in NAMES}
        latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._static = world.node.create_publisher(TFMessage, "/tf_static", latched)
        self._begin_s = world.node.get_clock().now().nanoseconds * 1e-9
        self.truth: dict[float, np.ndarray] = {}
        self._events = list(two_views(PLACES, 200, np.random.default_rng(2), LARGER))

    def place_cameras(self, *names: str) -> None:
        links = []
        for name in names:
            w, x, y, z = mat2quat(PLACES[name].rotation).tolist()
            place = Vector3(**dict(zip("xyz", PLACES[name].position.tolist(), strict=True)))
            transform = Transform(translation=place, rotation=Quaternion(x=x, y=y, z=z, w=w))
            links.append(TransformStamped(header=Header(frame_id="table"), child_frame_id=f"{name}_optical", transform=transform))
        self._static.publish(TFMessage(transforms=links))

    def frame(self) -> None:
        """The next one of either camera."""
        for _ in NAMES:
            name, stamp_s, hand, _ = self._events.pop(0)
            self._send(name, stamp_s, hand)
        self._world.spin(1 / 30)

    def _send(self, name: str, stamp_s: float, hand: Hand) -> None:
        stamp = time_of(self._begin_s + stamp_s)
        self.truth[stamp.sec + 1e-9 * stamp.nanosec] = hand_at(stamp_s, LARGER)
        self._publishers[name].publish(HandArrayTemplate(f"{name}_optical", 1).fill(stamp, [hand], 0.0, {}))


def test_two_cameras_become_one_hand(world: World) -> None:
    nodes = TwoHandNodes(world)
    world.listen("hands", HandArray)
    world.listen("/tf", TFMessage)
    world.listen("/diagnostics", DiagnosticArray)
    fuse = world.start("node.fuse_node", hands_topics=" ".join(f"{name}/hands" for name in NAMES), common_frame="table")
    fuse.wait_for_log("ready")
    nodes.place_cameras(NAMES[0])

    def told(text: str) -> bool:
        nodes.frame()
        return any(text in message.status[0].message for message in world.messages["/diagnostics"])

    world.until(lambda: told("no transform from aside_optical to table"), "a camera without a place is told of")
    nodes.place_cameras(*NAMES)
    hands = world.messages["hands"]
    world.until(lambda: told("running"), "both cameras have their places")
    before = len(hands)
    for _ in range(12):
        nodes.frame()
    world.until(lambda: len(hands) >= before + 8, "fused hands come")
    for message in hands[before + 2 :]:
        assert message.header.frame_id == "table" and len(message.hands) == 1
        truth = min(nodes.truth.items(), key=lambda item: abs(item[0] - seconds_of(message.header.stamp)))
        assert abs(truth[0] - seconds_of(message.header.stamp)) < 1e-5
        (hand,) = message.hands
        joints = np.array([[joint.position.x, joint.position.y, joint.position.z] for joint in hand.joints])
        assert np.abs(joints - truth[1]).max() < 0.02
        assert hand.wrist.covariance[14] < 0.01**2 and np.isnan(hand.keypoints).all() and hand.metric
    assert len({message.hands[0].track_id for message in hands[before + 2 :]}) == 1
    wrists = [link for message in world.messages["/tf"] for link in message.transforms if link.child_frame_id == "fused_right_hand_wrist"]
    assert wrists and wrists[-1].header.frame_id == "table"
    values = {pair.key: pair.value for pair in world.messages["/diagnostics"][-1].status[0].values}
    assert "by 2" in values["hands"] and float(values[f"{NAMES[0]}/hands: stamps behind [ms]"]) < 50


@pytest.mark.parametrize(("topics", "text"), [("front/hands", "two topics or more"), ("a/hands a/hands", "one topic alone")])
def test_one_camera_is_refused(world: World, topics: str, text: str) -> None:
    fuse = world.start("node.fuse_node", hands_topics=topics)
    assert fuse.wait() == 1
    assert text in fuse.log
