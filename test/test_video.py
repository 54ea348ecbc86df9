"""Drawn frames come out as a video of one size, or as a picture."""

import os
import resource
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from handmesh_ros.errors import InputError
from handmesh_ros.outputs import OutputError
from handmesh_ros.video import OverlayWriter, scaled_into, writable_rate


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


@pytest.mark.parametrize(
    "rate", [66.667, 67.2, 71.99, 29.97, 59.94, 119.88, 1000.0, 12345.678, 1e9, 0.0333, 0.0001, 0.0, -5.0, float("nan"), float("inf")]
)
def test_any_rate_can_be_written(rate: float, tmp_path: Path) -> None:
    with OverlayWriter(tmp_path / "out.mp4", rate) as video:
        for red in (10, 60, 110):
            video.write(frame(64, 48, red))
    capture = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert [capture.read()[0] for _ in range(4)] == [True, True, True, False]
    if 0.002 < rate < 65535:
        assert writable_rate(rate) == pytest.approx(rate, rel=0.015)


@pytest.mark.parametrize("name", ["out.mp4", "out.png"])
def test_a_full_disk_is_named_and_the_former_file_stays(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"former")
    noise = np.random.default_rng(0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OutputError, match=rf"{name}: cannot be written: File too large"), OverlayWriter(path, 25.0) as video:
            for _ in range(20):
                video.write(noise.integers(0, 255, (120, 160, 3), np.uint8))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == b"former"
    assert list(tmp_path.glob("*.mp4")) == ([path] if name == "out.mp4" else []), "a video without its end is of no use"


def test_a_failure_elsewhere_leaves_a_video_until_then(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), OverlayWriter(tmp_path / "out.mp4", 25.0) as video:
        video.write(frame(64, 48))
        raise ZeroDivisionError
    assert video.remains is not None and not (tmp_path / "out.mp4").exists()
    assert cv2.VideoCapture(str(video.remains)).read()[0]


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
@pytest.mark.parametrize("suffix", [".mp4", ".png"])
def test_a_name_that_is_not_utf_8_is_written(suffix: str, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xe9")
    path = folder / os.fsdecode(b"vid\xe9o" + suffix.encode())
    with OverlayWriter(path, 25.0) as video:
        video.write(frame(64, 48))
    assert list(folder.iterdir()) == [path] and path.stat().st_size


@pytest.mark.parametrize("size", [(32, 24), (48, 48), (10, 480), (1, 1)])
def test_a_frame_of_another_shape_is_not_distorted(size: tuple[int, int]) -> None:
    scaled = scaled_into(frame(*size), (64, 48))
    bright = scaled[..., 0] > 100
    assert scaled.shape == (48, 64, 3) and bright[24, 31:33].any()
    assert bright.any(1).sum() / bright.any(0).sum() == pytest.approx(size[1] / size[0], rel=0.05)
