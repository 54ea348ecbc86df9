"""The benchmark of whole hands in motion: exact on the truth, and it sees what a filter does."""

from __future__ import annotations

import numpy as np
import pytest
from support.skeleton_hands import HOME, bones, joints_of, pose, raw_hand, seen

from benchmarks.filters.rivals import ExponentialAverage
from benchmarks.motion.measure import Seen, filtered_joints, held_share, measure_motions, motion_table, ours
from benchmarks.motion.sequences import KINDS, MOTION_RATE_HZ, hand_motion
from handmesh_ros.hand import BONES
from handmesh_training.template import HandTemplate


@pytest.fixture(scope="module")
def motion() -> Seen:
    """A reach with closing fingers, seen with white noise."""
    rng, hands, evidence, truth = np.random.default_rng(0), [], [], []
    for i in range(80):
        part = np.clip((i - 30) / 25, 0, 1)
        true = pose(HOME + part * np.array([0.2, 0.0, 0.1]), bend=0.8 * part)
        truth.append(joints_of(true, bones()))
        evidence.append(seen(truth[-1], rng))
        hands.append(raw_hand(i / 30, evidence[-1], true.wrist + rng.normal(0, [0.002, 0.002, 0.01])))
    return Seen(hands, evidence, np.array(truth))


def test_the_truth_has_no_error_and_no_lag(motion: Seen) -> None:
    figures = measure_motions([motion], lambda one: one.truth)
    for name, value in vars(figures).items():
        if name not in ("update_us", "lag_ms", "finger_lag_ms"):
            assert value == pytest.approx(0.0, abs=1e-3), name
    assert abs(figures.lag_ms) < 3 and abs(figures.finger_lag_ms) < 3


def test_an_average_is_calm_and_late_and_the_estimate_calm_and_quick(motion: Seen) -> None:
    raw = measure_motions([motion], lambda one: np.array([hand.joints for hand in one.hands]))
    average = measure_motions([motion], filtered_joints(lambda: ExponentialAverage(0.2)))
    estimate = measure_motions([motion], ours())
    assert average.depth_jitter_mm < raw.depth_jitter_mm / 3 and average.lag_ms > 60
    assert estimate.depth_jitter_mm < raw.depth_jitter_mm / 3 and estimate.lag_ms < 25
    assert estimate.finger_jitter_deg < raw.finger_jitter_deg / 2 and estimate.bone_spread < 0.5
    assert held_share([motion]).mean() > 0.9
    assert motion_table([("none", raw), ("ours", estimate)]).count("\n") == 3


@pytest.mark.parametrize("kind", KINDS)
def test_motions_are_smooth_and_of_one_person(kind: str) -> None:
    template = HandTemplate.load()
    scale = np.ones((template.rig.bone_count, 3))
    made = hand_motion(kind, template.rig, template.poses, scale, seed=3)
    assert len(made.stamps) == len(made.joints) and (made.joints[..., 2] > 0.2).all()
    lengths = np.array([[np.linalg.norm(j[c] - j[p]) for p, c in BONES if p] for j in made.joints])
    assert (lengths.std(0) / lengths.mean(0)).max() < 1e-6
    speeds = np.linalg.norm(np.diff(made.wrist, axis=0), axis=1) * MOTION_RATE_HZ
    assert 0.01 < speeds.max() < 1.5
    np.testing.assert_array_equal(made.joints, hand_motion(kind, template.rig, template.poses, scale, seed=3).joints)
