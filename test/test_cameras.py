"""The camera of an input: its calibration, or an assumed field of view for frames of any size."""

from pathlib import Path

import numpy as np
import pytest
from support.paths import REPO

from handmesh_ros.cameras import InputCamera
from handmesh_ros.errors import InputError

CALIBRATION = REPO / "config" / "demo" / "demo_camera.yaml"


def frame(width: int, height: int) -> np.ndarray:
    return np.zeros((height, width, 3), np.uint8)


def test_the_calibration_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(CALIBRATION.read_text())
    camera = InputCamera.read(path, 60.0)
    path.unlink()
    assert camera.of_frame(frame(640, 480)) is camera.of_frame(frame(640, 480))


def test_a_calibration_for_another_size_says_what_to_do() -> None:
    with pytest.raises(InputError, match=r"demo_camera.yaml is for 640x480 pictures, the input has 320x240.*--hfov"):
        InputCamera.read(CALIBRATION, 60.0).of_frame(frame(320, 240))


@pytest.mark.parametrize("width", [640, 320])
def test_without_a_calibration_the_field_of_view_is_assumed(width: int) -> None:
    camera = InputCamera.read(None, 90.0).of_frame(frame(width, 240))
    assert camera.K[0, 0] == pytest.approx(width / 2)
