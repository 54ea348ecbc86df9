"""Drawn frames come out as a video of one size, or as a picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from handmesh_ros.errors import InputError
from handmesh_ros.video import OverlayWriter


def frame(width: int, height: int, red: int = 200) -> np.ndarray:
    return np.full((height, width, 3), (red, 30, 40), np.uint8)


def test_frames_of_several_sizes_make_a_video_of_the_first_ones(tmp_path: Path) -> None:
    with OverlayWriter(tmp_path / "new" / "out.mp4", 25.0) as video:
        video.write(frame(64, 48))
        video.write(frame(32, 24))
    capture = cv2.VideoCapture(str(tmp_path / "new" / "out.mp4"))
    pictures = [capture.read()[1] for _ in range(2)]
    assert capture.get(cv2.CAP_PROP_FPS) == 25 and not capture.read()[0]
    assert [picture.shape for picture in pictures] == [(48, 64, 3)] * 2
    assert pictures[0][24, 32, 2] == pytest.approx(200, abs=8), "red is the last of OpenCV's colours"


def test_the_last_frame_makes_the_picture(tmp_path: Path) -> None:
    with OverlayWriter(tmp_path / "out.png", 25.0) as picture:
        picture.write(frame(64, 48, 10))
        picture.write(frame(64, 48, 220))
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "out.png"))[0, 0], (40, 30, 220))


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"out\.gif"):
        OverlayWriter(tmp_path / "out.gif", 25.0)
