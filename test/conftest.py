"""What holds for all tests; their helpers lie in test/support (on the path by pyproject.toml)."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import handmesh_ros  # noqa: F401  # before anything imports ONNX Runtime, whose telemetry it switches off

if TYPE_CHECKING:
    from support.ros_world import World

# How long an example takes says something of the machine's other work only.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A robot has no PyTorch and no training package, a laptop no ROS: what needs them is not even imported there.
NEEDS = {
    "training": ("torch", "handmesh_training"),
    "benchmarks": ("rclpy", "benchmarks"),
    "node": ("rclpy",),
    "demo": ("rclpy",),
}
collect_ignore_glob = [f"{folder}/*" for folder, modules in NEEDS.items() if any(find_spec(module) is None for module in modules)]


@pytest.fixture
def world() -> Iterator["World"]:
    """A ROS domain of its own, for programs as processes."""
    from support.ros_world import World  # needs ROS

    world = World()
    yield world
    world.close()
