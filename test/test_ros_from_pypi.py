"""What stands in for apt ROS on a bare machine: the corrected wheels and the small sensor_msgs_py."""

from __future__ import annotations

import importlib.util
import re
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

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
