"""What stands in for apt ROS on a bare machine: the corrected wheels and the small sensor_msgs_py."""

from __future__ import annotations

import importlib.util
import re
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support.paths import REPO

PREFIX = Path(sys.prefix)


def load(path: Path) -> ModuleType:
    """A module of ros_from_pypi/ by its file: ros_from_pypi/ is not a package and not on the path."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_baked_include_folders_become_those_of_this_environment() -> None:
    baked = (
        'INTERFACE_INCLUDE_DIRECTORIES "/opt/python/cp310-cp310/include/python3.10;'
        '/opt/python/cp310-cp310/lib/python3.10/site-packages/numpy/_core/include;${_IMPORT_PREFIX}/include/x"'
    )
    corrected = load(REPO / "ros_from_pypi/patch_wheels.py").corrected
    expected = f'INTERFACE_INCLUDE_DIRECTORIES "{sysconfig.get_paths()["include"]};{np.get_include()};${{_IMPORT_PREFIX}}/include/x"'
    assert corrected(baked) == expected
    assert corrected(expected) == expected


def test_no_wheel_names_the_machine_that_built_it() -> None:
    exports = list((PREFIX / "share").glob("*/cmake/*Export*.cmake"))
    if not exports:
        pytest.skip("needs the environment of make: ROS wheels from PyPI")
    offenders = [path.name for path in exports if re.search(r'"[^"]*/opt/python/cp3', path.read_text())]
    assert offenders == []


@pytest.fixture
def point_cloud2() -> ModuleType:
    """The stand-in, also where a real sensor_msgs_py is installed."""
    pytest.importorskip("sensor_msgs.msg", reason="needs ROS 2")
    return load(REPO / "ros_from_pypi/sensor_msgs_py/point_cloud2.py")


def test_points_come_back_as_they_went_in(point_cloud2: ModuleType) -> None:
    from std_msgs.msg import Header

    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    cloud = point_cloud2.create_cloud_xyz32(Header(frame_id="camera"), points)
    assert (cloud.width, cloud.height, cloud.point_step, cloud.row_step) == (50, 1, 12, 600)
    assert cloud.header.frame_id == "camera"
    np.testing.assert_array_equal(point_cloud2.read_points(cloud).view(np.float32).reshape(-1, 3), points)


def test_fields_keep_their_types_and_padding(point_cloud2: ModuleType) -> None:
    from sensor_msgs.msg import PointField
    from std_msgs.msg import Header

    fields = [
        PointField(name="x", offset=0, datatype=PointField.FLOAT32, count=1),
        PointField(name="hand", offset=8, datatype=PointField.UINT16, count=1),
    ]
    cloud = point_cloud2.create_cloud(Header(), fields, [(0.5, 7), (-1.5, 65535)])
    assert cloud.point_step == 10
    assert point_cloud2.read_points(cloud)["hand"].tolist() == [7, 65535]
    assert point_cloud2.read_points(cloud, ["x"])["x"].tolist() == [0.5, -1.5]


def test_a_structured_array_of_other_types_is_refused(point_cloud2: ModuleType) -> None:
    from sensor_msgs.msg import PointField
    from std_msgs.msg import Header

    fields = [PointField(name="x", offset=0, datatype=PointField.FLOAT32, count=1)]
    with pytest.raises(AssertionError, match="dtype"):
        point_cloud2.create_cloud(Header(), fields, np.zeros(3, dtype=[("x", np.float64)]))


# ---- tf2_ros ----


@pytest.fixture
def tf2_ros() -> ModuleType:
    """The stand-in, also where the real tf2_ros is installed."""
    pytest.importorskip("tf2_msgs.msg", reason="needs ROS 2")
    return load(REPO / "ros_from_pypi/tf2_ros/__init__.py")


def transform(parent: str, child: str, place: tuple[float, float, float], turn_xyzw: tuple[float, ...], sec: int) -> Any:
    from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
    from std_msgs.msg import Header

    (x, y, z), (qx, qy, qz, qw) = place, turn_xyzw
    link = TransformStamped(header=Header(frame_id=parent), child_frame_id=child)
    link.header.stamp.sec = sec
    link.transform = Transform(translation=Vector3(x=x, y=y, z=z), rotation=Quaternion(x=qx, y=qy, z=qz, w=qw))
    return link


def test_frames_are_looked_up_across_the_tree(tf2_ros: ModuleType) -> None:
    from rclpy.time import Time

    buffer = tf2_ros.Buffer()
    quarter = (0.0, 0.0, 0.5**0.5, 0.5**0.5)  # about z
    buffer.set_transform(transform("base", "arm", (1.0, 0.0, 0.0), quarter, 7), "test")
    buffer.set_transform(transform("arm", "tool", (0.5, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), 8), "test")
    buffer.set_transform_static(transform("base", "camera", (0.0, 2.0, 0.0), quarter, 1), "test")
    found = buffer.lookup_transform("base", "tool", Time())
    place = found.transform.translation
    np.testing.assert_allclose((place.x, place.y, place.z), (1.0, 0.5, 0.0), atol=1e-12)
    assert (found.header.frame_id, found.child_frame_id, found.header.stamp.sec) == ("base", "tool", 7)
    place = buffer.lookup_transform("camera", "tool", Time()).transform.translation
    np.testing.assert_allclose((place.x, place.y, place.z), (-1.5, -1.0, 0.0), atol=1e-12)
    assert buffer.lookup_transform("base", "camera", Time()).header.stamp.sec == 0, "static"


def test_frames_that_are_not_connected_are_refused(tf2_ros: ModuleType) -> None:
    from rclpy.time import Time

    buffer = tf2_ros.Buffer()
    buffer.set_transform(transform("base", "arm", (1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), 7), "test")
    buffer.set_transform(transform("world", "camera", (1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), 7), "test")
    with pytest.raises(tf2_ros.TransformException, match="does not exist"):
        buffer.lookup_transform("base", "tool", Time())
    with pytest.raises(tf2_ros.TransformException, match="not in one tree"):
        buffer.lookup_transform("base", "camera", Time())
    buffer.set_transform(transform("arm", "base", (1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), 7), "test")
    with pytest.raises(tf2_ros.TransformException, match="loop"):
        buffer.lookup_transform("base", "arm", Time())
