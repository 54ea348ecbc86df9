"""Calibration files of several programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from handmesh_ros.perception.camera import Camera, CameraError

K = [[600.0, 0, 322.5], [0, 610.0, 238.0], [0, 0, 1]]
D = [-0.3, 0.1, 0.001, -0.002]
PRINTED = """\
header:
  stamp:
    sec: 12
    nanosec: 5
  frame_id: camera_optical_frame
height: 480
width: 640
distortion_model: plumb_bob
d:
- -0.3
- 0.1
- 0.001
- -0.002
k:
- 600.0
- 0.0
- 322.5
- 0.0
- 610.0
- 238.0
- 0.0
- 0.0
- 1.0
binning_x: 0
binning_y: 0
roi:
  x_offset: 0
  y_offset: 0
  height: 0
  width: 0
  do_rectify: false
---
"""
ROS_1 = """\
height: 480
width: 640
distortion_model: "plumb_bob"
D: [-0.3, 0.1, 0.001, -0.002]
K: [600.0, 0.0, 322.5, 0.0, 610.0, 238.0, 0.0, 0.0, 1.0]
"""
OPENCV = """\
%YAML:1.0
---
calibration_time: "Sun 29 Nov 2026"
image_width: 640
image_height: 480
flags: 0
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 6.0000000000000000e+02, 0., 3.2250000000000000e+02, 0.,
       6.1000000000000000e+02, 2.3800000000000000e+02, 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 4
   cols: 1
   dt: d
   data: [ -3.0000000000000000e-01, 1.0000000000000000e-01, 1.0000000000000000e-03, -2.0000000000000000e-03 ]
"""


def read(text: str, folder: Path) -> Camera:
    path = folder / "camera.yaml"
    path.write_text(text)
    return Camera.from_yaml(path)


@pytest.mark.parametrize("text", [PRINTED, ROS_1, OPENCV], ids=["ros2 topic echo", "ROS 1", "OpenCV"])
def test_the_same_camera_by_every_program(text: str, tmp_path: Path) -> None:
    camera = read(text, tmp_path)
    assert (camera.width, camera.height, camera.distortion_model) == (640, 480, "plumb_bob")
    np.testing.assert_allclose(camera.K, K)
    np.testing.assert_allclose(camera.distortion, D)


def test_region_and_binning_of_a_printed_message_count(tmp_path: Path) -> None:
    cut = PRINTED.replace("x_offset: 0", "x_offset: 100").replace("  width: 0", "  width: 320").replace("binning_x: 0", "binning_x: 2")
    camera = read(cut, tmp_path)
    assert (camera.width, camera.height) == (160, 480)
    np.testing.assert_allclose(camera.K[0], [300.0, 0, 111.25])


def test_opencv_s_fisheye_is_one(tmp_path: Path) -> None:
    assert read(OPENCV.replace("flags: 0", "fisheye_model: 1"), tmp_path).distortion_model == "equidistant"
    assert read(OPENCV.replace("flags: 0", "fisheye_model: 0"), tmp_path).distortion_model == "plumb_bob"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PRINTED + PRINTED, "holds 3 documents"),
        (PRINTED.replace("width: 640\n", ""), r"is no camera_info file \(width is missing"),
        (OPENCV.replace("camera_matrix", "matrix"), r"is no camera_info file \(camera_matrix is missing"),
        (PRINTED.replace("roi:", "roi: 5\nregion:"), "is no camera_info file"),
        ("- 640\n- 480\n", "is no camera_info file; it needs"),
        ("", "is no camera_info file; it needs"),
    ],
)
def test_what_is_missing_is_named(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=rf"camera\.yaml: {reason}") as caught:
        read(text, tmp_path)
    assert "Error" not in str(caught.value)
