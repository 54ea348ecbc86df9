"""The teleop node as a process, between a hand node and a robot that this test plays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from support.paths import REPO

pytest.importorskip("rclpy", reason="needs ROS 2")

from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, Transform, TransformStamped, TwistStamped, Vector3
from handmesh_ros.msg import Grasp, Hand
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray, Header
from support.ros_world import Process, World
from tf2_msgs.msg import TFMessage

from handmesh_ros.messages.stamps import seconds_of

CAMERA = "camera_optical_frame"
DOWN = Quaternion(x=1.0, y=0.0, z=0.0, w=0.0)
LOOKS_BACK = Quaternion(x=0.5, y=0.5, z=-0.5, w=-0.5)  # the camera's axes in base_link when it looks along -x: x is y, y is -z, z is -x


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World()
    if find_spec("tf2_ros") is None:  # an environment that was made before the stand-in came: as make links it
        (tmp_path / "tf2_ros").symlink_to(REPO / "ros_from_pypi" / "tf2_ros")
        world.environment["PYTHONPATH"] += f":{tmp_path}"
    yield world
    world.close()


class RobotAndHandNode:
    """Sends what a robot's drivers and a hand node send."""

    def __init__(self, world: World) -> None:
        self._world = world
        node = world.node
        latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._clutch = node.create_publisher(Bool, "right/clutch", latched)
        self._grasp = node.create_publisher(Grasp, "right/grasp", 1)
        self._target = node.create_publisher(PoseStamped, "right/target_pose", 1)
        self._tf = node.create_publisher(TFMessage, "/tf", 10)
        self._static = node.create_publisher(TFMessage, "/tf_static", latched)
        self.tool = (0.4, 0.0, 0.3)
        world.listen("pose_command", PoseStamped, 1000)
        world.listen("twist_command", TwistStamped, 1000)
        world.listen("gripper_commands", Float64MultiArray)

    def place_camera(self) -> None:
        self._static.publish(TFMessage(transforms=[self._link("base_link", CAMERA, (1.0, 0.0, 0.5), LOOKS_BACK)]))

    def clutch(self, engaged: bool) -> None:
        self._clutch.publish(Bool(data=engaged))
        self._world.spin(0.1)

    def frame(self, moved: tuple[float, float, float] = (0.0, 0.0, 0.0), aperture: float = 0.9, state: int = Hand.STATE_TRACKING) -> None:
        """One image's messages, and a thirtieth of a second."""
        stamp = self._world.node.get_clock().now().to_msg()
        header = Header(stamp=stamp, frame_id=CAMERA)
        self._tf.publish(TFMessage(transforms=[self._link("base_link", "tool0", self.tool, DOWN)]))
        self._grasp.publish(Grasp(header=header, track_id=7, state=state, aperture=aperture))
        x, y, z = np.add((0.0, 0.1, 0.6), moved).tolist()
        self._target.publish(PoseStamped(header=header, pose=Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(w=1.0))))
        self._world.spin(1 / 30)

    def _link(self, parent: str, child: str, place: tuple[float, float, float], turn: Quaternion) -> TransformStamped:
        header = Header(stamp=self._world.node.get_clock().now().to_msg(), frame_id=parent)
        x, y, z = place
        return TransformStamped(header=header, child_frame_id=child, transform=Transform(translation=Vector3(x=x, y=y, z=z), rotation=turn))


def engaged(world: World, robot: RobotAndHandNode, teleop: Process) -> None:
    """Discovery takes its time: the clutch is engaged until the node has heard of it."""

    def follows() -> bool:
        robot.clutch(False)
        robot.clutch(True)
        for _ in range(5):
            robot.frame()
        heard = any(world.messages[topic] for topic in ("pose_command", "twist_command", "joint_commands"))
        return heard and "tool0 follows the right hand" in teleop.log

    teleop.wait_for_log("ready")
    world.until(follows, "the tool follows")


def test_from_engagement_to_stop(world: World) -> None:
    """A hand that moves along the camera's x moves the tool along base_link's y, closes the gripper, is lost, and is not followed again."""
    robot = RobotAndHandNode(world)
    robot.place_camera()
    # A loaded machine delivers late: what is tested here is not how soon a hand counts as lost.
    teleop = world.start("node.teleop_node", gripper="forward", lost_after_s=1.0)
    engaged(world, robot, teleop)
    for step in range(60):
        robot.frame((min(0.002 * step, 0.06), 0.0, 0.0), aperture=0.9 if step < 30 else 0.1)
    commands = world.messages["pose_command"]
    last = commands[-1]
    assert last.header.frame_id == "base_link"
    place, turn = last.pose.position, last.pose.orientation
    np.testing.assert_allclose((place.x, place.y, place.z), (0.4, 0.06, 0.3), atol=0.0025)
    assert abs(turn.x) == pytest.approx(1.0, abs=1e-6)
    assert [list(message.data) for message in world.messages["gripper_commands"]] == [[0.0]]
    stamps, places = [seconds_of(command.header.stamp) for command in commands], [command.pose.position.y for command in commands]
    speeds = [abs(b - a) / (t - s) for (a, b), (s, t) in zip(pairwise(places), pairwise(stamps), strict=True)]
    assert max(speeds) <= 0.25 * 1.001

    world.until(lambda: "tool0 rests: no hand was measured lately" in teleop.log, "a lost hand stops the tool")
    world.spin(0.2)
    count = len(commands)
    for step in range(10):
        robot.frame((0.06, 0.01 * step, 0.0))
    assert len(commands) == count, "engaged anew it must be"
    robot.clutch(False)
    engaged(world, robot, teleop)
    assert len(commands) > count
    np.testing.assert_allclose(commands[-1].pose.position.y, 0.0, atol=1e-6, err_msg="from where the robot says that its tool is")


def test_a_predicted_hand_holds_and_a_released_clutch_ends_with_a_velocity_of_zero(world: World) -> None:
    robot = RobotAndHandNode(world)
    teleop = world.start("node.teleop_node", output="twist", axis_map="-z x -y", lost_after_s=2.0)
    engaged(world, robot, teleop)
    twists = world.messages["twist_command"]
    for step in range(20):
        robot.frame((0.005 * step, 0.0, 0.0))
    assert max(message.twist.linear.y for message in twists) > 0.05 and not world.messages["pose_command"]
    for _ in range(15):
        robot.frame((0.3, 0.0, 0.0), state=Hand.STATE_PREDICTED)
    assert twists[-1].twist.linear.y == 0.0
    for step in range(20, 30):
        robot.frame((0.005 * step, 0.0, 0.0))
    assert twists[-1].twist.linear.y > 0
    robot.clutch(False)
    world.until(lambda: "tool0 rests: released" in teleop.log, "it rests")
    world.spin(0.3)
    assert twists[-1].twist == type(twists[-1].twist)()


def test_an_engagement_without_the_robots_transforms_moves_nothing_and_says_what_is_missing(world: World) -> None:
    robot = RobotAndHandNode(world)
    teleop = world.start("node.teleop_node", tool_frame="gripper_tip", lost_after_s=2.0)
    teleop.wait_for_log("ready")
    deadline = time.monotonic() + 20
    while "not engaged: no transform from" not in teleop.log and time.monotonic() < deadline:
        robot.clutch(False)
        robot.clutch(True)
        robot.frame()
    assert "not engaged: no transform from" in teleop.log
    assert not world.messages["pose_command"]


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"workspace_high": "0.1 0.4 0.6"}, "lowest and of its highest corner"),
        ({"axis_map": "x -y z"}, "mirror image"),
        ({"close_below": 0.8}, "close_below < open_above"),
        ({"output": "effort"}, "expected pose, twist, joints, trajectory"),
    ],
)
def test_parameters_that_cannot_be_end_the_node_with_what_is_wrong(world: World, parameters: dict, text: str) -> None:
    teleop = world.start("node.teleop_node", **parameters)
    assert teleop.wait() == 1
    assert text in teleop.log and "Traceback" not in teleop.log


@pytest.mark.skipif(find_spec("control_msgs") is not None, reason="control_msgs is installed")
def test_a_missing_package_is_named_with_the_command_that_brings_it(world: World) -> None:
    teleop = world.start("node.teleop_node", gripper="parallel")
    assert teleop.wait() == 1
    assert "apt install ros-$ROS_DISTRO-control-msgs" in teleop.log and "Traceback" not in teleop.log


@pytest.mark.skipif(find_spec("mujoco") is None or find_spec("mink") is None, reason="needs MuJoCo and mink: pip install mujoco mink")
def test_joint_positions_start_where_the_joints_are_and_follow_within_their_speed(world: World) -> None:
    robot = RobotAndHandNode(world)
    names = ["yaw", "shoulder", "elbow", "wrist_pitch", "wrist_roll"]
    home = [0.0, 0.64, 1.63, 0.87, 0.0]
    states = world.node.create_publisher(JointState, "joint_states", 5)

    def tell() -> None:
        states.publish(JointState(header=Header(stamp=world.node.get_clock().now().to_msg()), name=names, position=home))

    timer = world.node.create_timer(0.05, tell)
    world.listen("joint_commands", Float64MultiArray, 1000)
    model = str(REPO / "config" / "demo" / "robot" / "arm.xml")
    teleop = world.start(
        "node.teleop_node", output="joints", robot_model=model, joints=" ".join(names), axis_map="-z x -y", turn_scale=0.0, lost_after_s=2.0
    )
    engaged(world, robot, teleop)
    for step in range(40):
        robot.frame((0.002 * step, 0.0, 0.0))
    timer.cancel()
    positions = np.array([list(message.data) for message in world.messages["joint_commands"]])
    assert positions.shape[1] == 5
    np.testing.assert_allclose(positions[0], home, atol=0.1)
    assert positions[-1, 0] > 0.05, "base_link's y is to the left: the arm yaws there"
    assert np.abs(np.diff(positions, axis=0)).max() < 0.2


@pytest.mark.skipif(find_spec("mujoco") is None or find_spec("mink") is None, reason="needs MuJoCo and mink: pip install mujoco mink")
def test_joint_positions_need_a_model(world: World) -> None:
    teleop = world.start("node.teleop_node", output="joints")
    assert teleop.wait() == 1
    assert "robot_model: '' is no file" in teleop.log and "Traceback" not in teleop.log
