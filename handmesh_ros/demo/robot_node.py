"""The simulated arm as a robot in ROS: takes the teleop node's commands, tells where its tool and the camera are, and records itself.

``python -m handmesh_ros.demo.robot_node --ros-args -p out:=robot.npz``

Recorded: ``time_s`` (N,), ``qpos`` (N, 14) of MuJoCo, ``tool`` and ``cube`` (N, 3) at 100 Hz; ``commands`` (M, 4) with time
since the first, x, y and z.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from geometry_msgs.msg import PoseStamped, Quaternion, Transform, TransformStamped, Vector3
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Float64MultiArray, Header
from tf2_msgs.msg import TFMessage

from handmesh_ros.hand import FloatArray
from handmesh_ros.messages.stamps import nanoseconds_of
from handmesh_ros.node.process import spin
from handmesh_ros.node.teleop_node import pose_of
from handmesh_ros.perception.quaternions import quaternions_xyzw
from handmesh_ros.robot.rehearsal import AXIS_MAP, STEP_S
from handmesh_ros.robot.simulated_arm import FINGER_OPEN_M, SimulatedArm
from handmesh_ros.teleop.mapping import axis_map

CAMERA_FRAME = "camera_optical_frame"
LONGEST_CATCH_UP_S = 0.2  # where the machine stood still for longer, the simulation does not race after it


class SimulatedRobot(Node):
    """Steps the simulation with the clock."""

    def __init__(self) -> None:
        super().__init__("robot")
        self._out = Path(str(self.declare_parameter("out", "robot.npz").value))
        self._arm = SimulatedArm()
        self._times: list[float] = []
        self._states: list[tuple[FloatArray, FloatArray, FloatArray]] = []
        self._commands: list[tuple[float, float, float, float]] = []
        self._first_ns: int | None = None
        self._simulated_s = self._now_s()
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._tf = self.create_publisher(TFMessage, "/tf", 10)
        self._static = self.create_publisher(TFMessage, "/tf_static", latched)
        self._static.publish(TFMessage(transforms=[self._link(CAMERA_FRAME, np.array([1.0, 0.0, 0.3]), axis_map(AXIS_MAP))]))
        # Deep, so that none is missing in the record: the figures of the limits are of successive commands.
        self.create_subscription(PoseStamped, "pose_command", self._on_pose, 1000)
        self.create_subscription(Float64MultiArray, "gripper_commands", self._on_gripper, 5)
        self.create_timer(STEP_S, self._step)
        self.get_logger().info("ready: an arm, a table and a cube")

    def destroy_node(self) -> None:
        qpos, tool, cube = (np.array(column) for column in zip(*self._states, strict=True)) if self._states else (np.zeros(0),) * 3
        np.savez_compressed(self._out, time_s=np.array(self._times), qpos=qpos, tool=tool, cube=cube, commands=np.array(self._commands))
        super().destroy_node()

    def _on_pose(self, message: PoseStamped) -> None:
        pose = pose_of(message)
        stamp_ns = nanoseconds_of(message.header.stamp)
        self._first_ns = stamp_ns if self._first_ns is None else self._first_ns
        self._commands.append(((stamp_ns - self._first_ns) * 1e-9, *pose.position.tolist()))
        self._arm.go_to(pose)

    def _on_gripper(self, message: Float64MultiArray) -> None:
        self._arm.grip(message.data[0] < FINGER_OPEN_M / 2)

    def _step(self) -> None:
        now_s = self._now_s()
        self._simulated_s = max(self._simulated_s, now_s - LONGEST_CATCH_UP_S)
        if now_s - self._simulated_s < STEP_S / 2:
            return
        self._arm.advance(now_s - self._simulated_s)
        self._simulated_s = now_s
        tool = self._arm.tool
        self._tf.publish(TFMessage(transforms=[self._link("tool0", tool.position, tool.rotation)]))
        self._times.append(now_s)
        self._states.append((self._arm.data.qpos.copy(), tool.position, self._arm.cube))

    def _link(self, child: str, place: FloatArray, rotation: FloatArray) -> TransformStamped:
        x, y, z = place.tolist()
        qx, qy, qz, qw = quaternions_xyzw(rotation[None])[0].tolist()
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id="base_link")
        transform = Transform(translation=Vector3(x=x, y=y, z=z), rotation=Quaternion(x=qx, y=qy, z=qz, w=qw))
        return TransformStamped(header=header, child_frame_id=child, transform=transform)

    def _now_s(self) -> float:
        return self.get_clock().now().nanoseconds * 1e-9


def main(argv: Sequence[str] | None = None) -> int:
    return spin(SimulatedRobot, argv)


if __name__ == "__main__":
    sys.exit(main())
