"""The committed demo clip and its truth belong together, and the generator still makes them."""

import cv2
import numpy as np
import pytest
from support.paths import REPO, SHARED, needs_shared

from handmesh_ros.hand import INDEX_TIP, MIDDLE_MCP, THUMB_TIP, WRIST
from handmesh_ros.perception.camera import Camera
from handmesh_training.renders.demo_clip import CLIPS, KEYS, RATE_HZ, Motion, choreography, render_frames, truth
from handmesh_training.template.rig import load_poses, load_rig

DEMO = REPO / "config" / "demo"
STILL_S = (1.1, 2.2)  # between the keys of an open hand
FASTEST_M_S = 1.6
HARDEST_M_S2 = 10.0


@pytest.fixture(scope="module")
def committed() -> dict[str, np.ndarray]:
    with np.load(DEMO / "demo_truth.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(DEMO / "demo.mp4"))
    read = []
    while (answer := capture.read())[0]:
        read.append(answer[1])
    return read


def test_the_clip_has_the_promised_frames(committed: dict[str, np.ndarray], frames: list[np.ndarray]) -> None:
    capture = cv2.VideoCapture(str(DEMO / "demo.mp4"))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(30)
    assert (DEMO / "demo.mp4").stat().st_size <= 2_000_000
    assert len(frames) == len(committed["joints"]) == len(committed["visible"]) == len(committed["stamp_s"])
    assert all(frame.shape == (480, 640, 3) for frame in frames)
    assert 5 <= len(frames) / RATE_HZ <= 10
    assert 0.8 * RATE_HZ <= committed["absent"].sum() <= 1.3 * RATE_HZ
    assert not (committed["absent"] & committed["visible"]).any()


def test_visible_joints_lie_in_the_picture(committed: dict[str, np.ndarray]) -> None:
    camera = Camera.from_yaml(DEMO / "demo_camera.yaml")
    joints = committed["joints"][committed["visible"]]
    pixels = camera.project(joints.reshape(-1, 3))
    assert (pixels >= 0).all() and (pixels <= (camera.width - 1, camera.height - 1)).all()
    gone = camera.project(committed["joints"][committed["absent"]].reshape(-1, 3))
    assert ((gone < 0) | (gone > (camera.width - 1, camera.height - 1))).any(1).all()
    assert 0.4 <= np.median(joints[..., 2]) <= 0.7


def test_the_picture_changes_where_the_truth_says_the_hand_is(committed: dict[str, np.ndarray], frames: list[np.ndarray]) -> None:
    camera = Camera.from_yaml(DEMO / "demo_camera.yaml")
    empty = np.median([frames[k] for k in np.flatnonzero(committed["absent"])], 0)
    for k in np.flatnonzero(committed["visible"])[::10]:
        changed = np.abs(frames[k] - empty).max(2) > 12
        columns, rows = np.round(camera.project(committed["joints"][k])).astype(int).T
        assert changed[rows, columns].mean() > 0.8, k
        low, high = np.min([columns, rows], 1) - 60, np.max([columns, rows], 1) + 60
        outside = changed.copy()
        outside[max(low[1], 0) :, max(low[0], 0) : high[0]] = False  # the arm reaches down to the border
        assert outside.mean() < 0.01, k
    for k in np.flatnonzero(committed["absent"]):
        assert (np.abs(frames[k] - empty).max(2) > 20).mean() < 0.001, k


def test_it_moves_as_a_person_does_and_holds_still(committed: dict[str, np.ndarray]) -> None:
    joints = committed["joints"].astype(float)
    velocity = np.diff(joints, axis=0) * RATE_HZ
    assert np.linalg.norm(velocity, axis=2).max() < FASTEST_M_S
    assert np.linalg.norm(np.diff(velocity, axis=0) * RATE_HZ, axis=2).max() < HARDEST_M_S2
    still = (committed["stamp_s"] >= STILL_S[0]) & (committed["stamp_s"] <= STILL_S[1])
    assert still.sum() >= RATE_HZ
    assert np.ptp(joints[still], axis=0).max() < 1e-6


def test_thumb_and_index_meet_twice(committed: dict[str, np.ndarray]) -> None:
    gap = np.linalg.norm(committed["joints"][:, THUMB_TIP] - committed["joints"][:, INDEX_TIP], axis=1)
    # The joints lie inside the fingers: skin meets skin when they are about a finger's thickness apart.
    touching = (gap[committed["stamp_s"] > STILL_S[1]] < 0.012).astype(int)
    assert (np.diff(touching) == 1).sum() == 2
    assert gap.max() > 0.08


@needs_shared
def test_the_generator_makes_the_committed_clip(committed: dict[str, np.ndarray], frames: list[np.ndarray]) -> None:
    rig = load_rig(SHARED / "assets")
    motion = choreography(rig, load_poses(SHARED / "assets", rig))
    assert motion.stamp_s[-1] == pytest.approx(KEYS[-1].time_s, abs=1.5 / RATE_HZ)
    again = truth(motion, rig)
    assert again.keys() == committed.keys()
    # Where this fails after a joint was redefined: python -m handmesh_training.renders.demo_clip --truth-only
    assert np.allclose(again["joints"], committed["joints"], atol=1e-6)
    assert np.array_equal(again["visible"], committed["visible"])
    size = np.linalg.norm(committed["joints"][:, MIDDLE_MCP] - committed["joints"][:, WRIST], axis=1)
    assert np.allclose(size, committed["size_m"], rtol=0.06)  # cupping the palm moves the knuckle a little
    assert 0.07 < committed["size_m"] < 0.09
    one = Motion(motion.stamp_s[40:41], motion.local_rotations[40:41], motion.rotation[40:41], motion.wrist[40:41])
    drawn = render_frames(SHARED / "assets", one, rig)[0][..., ::-1]
    assert np.abs(drawn.astype(int) - frames[40]).mean() < 5  # the codec's loss


@needs_shared
def test_the_generator_makes_the_committed_grasping_hand() -> None:
    rig = load_rig(SHARED / "assets")
    again = truth(choreography(rig, load_poses(SHARED / "assets", rig), CLIPS["grasp"]), rig)
    # Where this fails after a joint was redefined: python -m handmesh_training.renders.demo_clip --truth-only --clip grasp
    with np.load(DEMO / "grasp_truth.npz") as committed:
        assert np.allclose(again["joints"], committed["joints"], atol=1e-6)
        assert committed["visible"].all()
