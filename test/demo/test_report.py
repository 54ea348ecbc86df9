"""The figures of a made-up run whose errors are known."""

from dataclasses import replace

import numpy as np
import pytest
from support.tiny_mesh_network import open_hand

from handmesh_ros.demo.recording import HeardFrame, Recording
from handmesh_ros.demo.report import STILL_SETTLING_FRAMES, Truth, measure, table
from handmesh_ros.hand import Hand, Side, TrackState

COUNT = 60
STILL = slice(10, 50)


def true_joints() -> np.ndarray:
    """A hand that comes nearer, rests from frame 10 to 49, and goes aside."""
    place = np.tile([0.0, 0.0, 0.5], (COUNT, 1))
    place[:11, 2] += np.linspace(0.1, 0.0, 11)
    place[49:, 0] += np.linspace(0.0, 0.1, 11)
    return open_hand()[None] + place[:, None]


TRUTH = Truth(true_joints(), np.ones(COUNT, bool), np.zeros(COUNT, bool), Side.RIGHT)


def hand(joints: np.ndarray, stamp: float) -> Hand:
    return Hand(
        Side.RIGHT, 1.0, 0.9, 1, TrackState.TRACKING, stamp, np.zeros((4, 3)), joints, np.tile(np.eye(3), (21, 1, 1)),
        np.zeros((21, 2)), np.eye(3), 0.095, True,
    )  # fmt: skip


def recording(joints: np.ndarray, missing: tuple[int, ...] = ()) -> Recording:
    stamps = [100 + k / 30 for k in range(COUNT)]
    heard = tuple(HeardFrame(stamp, 0.02, () if k in missing else (hand(joints[k], stamp),)) for k, stamp in enumerate(stamps))
    return Recording(tuple(stamps), None, heard, np.zeros((0, 3), int), {"stage network [ms]": "9.50", "stage detect [ms]": "0.00"})


def test_the_truth_has_no_error() -> None:
    rows = measure(recording(true_joints()), TRUTH)
    assert rows["frames sent by the camera"] == rows["frames answered by the node"] == COUNT
    assert rows["rate, Hz"] == pytest.approx(30)
    assert rows["latency image stamp to message received, median, ms"] == pytest.approx(20)
    assert rows["visible hand tracked, %"] == 100
    assert rows["PA-MPJPE, mm"] < 1e-6
    assert rows["wrist position error, assumed hand size, depth (median), mm"] < 1e-6
    assert rows["jitter of a still wrist, depth (rms), mm"] < 1e-6
    assert rows["stage network, ms"] == 9.5
    assert "stage detect, ms" not in rows


def test_a_hand_assumed_too_large_is_too_far_until_its_size_is_known() -> None:
    rows = measure(recording(1.1 * true_joints()), TRUTH)
    assert rows["wrist position error, assumed hand size, depth (median), mm"] == pytest.approx(50, abs=0.1)
    assert rows["wrist position error, true hand size, depth (median), mm"] < 1e-6


def test_jitter_is_that_of_the_still_frames_only() -> None:
    joints = true_joints()
    joints[STILL, :, 2] += 0.002 * np.where(np.arange(40) % 2, 1, -1)[:, None]
    rows = measure(recording(joints), TRUTH)
    assert rows["jitter of a still wrist, depth (rms), mm"] == pytest.approx(2.0)
    assert len(TRUTH.still_frames()) == 40 - STILL_SETTLING_FRAMES
    moving = joints.copy()
    moving[:8] += 0.05
    assert measure(recording(moving), TRUTH)["jitter of a still wrist, depth (rms), mm"] == pytest.approx(2.0)


def test_lost_frames_and_ghosts_are_counted() -> None:
    absent = np.zeros(COUNT, bool)
    absent[:5] = True
    truth = replace(TRUTH, absent=absent, visible=~absent)
    rows = measure(recording(true_joints(), missing=(0, 1, 30, 31, 32, 33, 34, 35, 36, 37, 38)), truth)
    assert rows["visible hand tracked, %"] == pytest.approx(100 * (55 - 9) / 55)
    assert rows["frames with a hand while none is there"] == 3


def test_a_dropped_camera_frame_leaves_the_truth_aside() -> None:
    run = recording(true_joints())
    rows = measure(replace(run, sent=run.sent[1:]), TRUTH)
    assert "PA-MPJPE, mm" not in rows


def test_the_table_names_every_figure() -> None:
    rows = measure(recording(true_joints()), TRUTH)
    assert all(name in table(rows) for name in rows)
