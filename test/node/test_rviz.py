"""RViz opens on the frame that somebody else's camera uses."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header
from support.launching import add_program, make_prefix, use_prefix
from support.ros_world import World

pytestmark = pytest.mark.timeout(120)


def test_the_first_camera_info_tells_the_fixed_frame(world: World, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    prefix = make_prefix(tmp_path / "prefix")
    add_program(prefix, "rviz2", "rviz2", f'#!/bin/sh\necho "$@" > {opened}\n')
    use_prefix(world, prefix)
    program = world.start("node.rviz", "-r", "camera_info:=/eye/camera_info", "-r", "__ns:=/robot")
    program.wait_for_log("RViz opens with the first message on /eye/camera_info")
    publisher = world.node.create_publisher(CameraInfo, "/eye/camera_info", 1)

    def told() -> bool:
        publisher.publish(CameraInfo(header=Header(frame_id="eye_optical")))
        world.spin(0.05)
        return opened.is_file() and bool(opened.read_text())

    world.until(told, "RViz is started")
    assert program.wait() == 0
    arguments = opened.read_text()
    assert "config/hand.rviz -f eye_optical --ros-args" in arguments and "__ns:=/robot" in arguments


def test_a_machine_without_rviz_is_told_what_to_install(world: World, tmp_path: Path) -> None:
    use_prefix(world, make_prefix(tmp_path / "prefix"))
    program = world.start("node.rviz")
    assert program.wait() == 1
    assert "sudo apt install ros-$ROS_DISTRO-rviz2" in program.log and "Traceback" not in program.log
