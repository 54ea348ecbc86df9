"""Frames come out in order, in RGB, with the right stamps; unreadable input is named."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from handmesh_ros.sources import SourceError, open_source

RED = (220, 30, 40)


def picture(colour: tuple[int, int, int] = RED, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    return np.full((size[1], size[0], 3), colour, np.uint8)


def write_picture(path: Path, rgb: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), rgb[..., ::-1])
    return path


def write_video(path: Path, grays: list[int], rate: float = 25.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, (64, 48))
    assert writer.isOpened()
    for gray in grays:
        writer.write(picture((gray, gray, gray)))
    writer.release()
    return path


def test_picture_is_one_rgb_frame(tmp_path: Path) -> None:
    source = open_source(str(write_picture(tmp_path / "hand.png", picture())))
    frames = list(source)
    assert source.is_single and not source.is_live and source.frame_count == 1
    assert [(frame.number, frame.stamp_s) for frame in frames] == [(0, 0.0)]
    np.testing.assert_array_equal(frames[0].rgb, picture())


def test_gray_picture_becomes_three_channels(tmp_path: Path) -> None:
    path = tmp_path / "gray.png"
    cv2.imwrite(str(path), np.full((20, 24), 77, np.uint8))
    (frame,) = open_source(str(path))
    assert frame.rgb.shape == (20, 24, 3) and (frame.rgb == 77).all()


def test_folder_is_read_in_natural_order_and_ignores_other_files(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        write_picture(tmp_path / f"frame{number}.png", picture((number, 0, 0)))
    (tmp_path / "notes.txt").write_text("no picture")
    source = open_source(str(tmp_path))
    assert source.frame_count == 3 and not source.is_single
    assert [frame.rgb[0, 0, 0] for frame in source] == [1, 2, 10]
    assert [frame.stamp_s for frame in source] == pytest.approx([0, 1 / 30, 2 / 30])


def test_video_stamps_follow_its_rate_and_it_can_be_read_twice(tmp_path: Path) -> None:
    source = open_source(str(write_video(tmp_path / "clip.avi", [10, 60, 110, 160, 210])))
    assert source.rate == pytest.approx(25) and source.frame_count == 5
    for _ in range(2):
        frames = list(source)
        assert [frame.stamp_s for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
        # JPEG frames: brightness is kept within a few steps.
        assert [float(frame.rgb.mean()) for frame in frames] == pytest.approx([10, 60, 110, 160, 210], abs=4)


@pytest.mark.parametrize("name", ["nothing.mp4", "no/such/folder", "hand", "."])
def test_missing_input_says_what_is_possible(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=r"camera's index|no pictures"):
        open_source(name)


def test_no_name_is_not_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.imwrite(str(tmp_path / "hand.png"), np.zeros((48, 64, 3), np.uint8))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="empty"):
        open_source("")


def test_damaged_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG but not really")
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(SourceError, match=r"bad\.png.*damaged"):
        list(open_source(str(tmp_path / "bad.png")))
    with pytest.raises(SourceError, match=r"empty\.png: the file is empty"):
        list(open_source(str(tmp_path / "empty.png")))


def test_file_that_is_no_video_is_named(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"this is text" * 100)
    with pytest.raises(SourceError, match=r"clip\.mp4.*neither a video"):
        open_source(str(path))


def test_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no pictures"):
        open_source(str(tmp_path))


def test_camera_that_is_not_there_says_what_to_check() -> None:
    with pytest.raises(SourceError, match=r"camera 97: cannot be opened.*plugged in"):
        open_source("97")
