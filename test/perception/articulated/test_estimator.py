"""A hand over time: steadier than what it is made of, the same in every frame of reference, and never worse than honest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.skeleton_hands import HOME, bones, joints_of, pose, raw_hand, seen

from handmesh_ros.errors import InputError
from handmesh_ros.hand import BONES, WRIST, Hand, Side, TrackState
from handmesh_ros.perception.articulated.estimator import EstimatorParameters, HandEstimator
from handmesh_ros.perception.evidence import MIRROR, HandEvidence
from handmesh_ros.perception.frames import joint_rotations
from handmesh_ros.perception.rotations import rotation_matrix

DT = 1 / 30
STEPS_S = [0.0, 1e-6, 0.01, 0.033, 0.1, 0.29]
Frame = tuple[Hand, HandEvidence]


def frames(count: int = 12, seed: int = 0, speed: float = 0.0, bend_rate: float = 0.0, noise: bool = True) -> list[Frame]:
    rng = np.random.default_rng(seed)
    result = []
    for i in range(count):
        truth = pose(HOME + np.array([speed, 0.0, 0.5 * speed]) * i * DT, bend=bend_rate * i * DT)
        evidence = seen(joints_of(truth, bones()), rng if noise else None)
        result.append((raw_hand(i * DT, evidence, truth.wrist + (rng.normal(0, [0.001, 0.001, 0.008]) if noise else 0.0)), evidence))
    return result


def run(given_frames: Sequence[Frame], estimator: HandEstimator | None = None) -> list[Hand]:
    estimator = estimator or HandEstimator()
    return [estimator.update(hand, evidence) for hand, evidence in given_frames]


def changed(frame: Frame, turn: np.ndarray, stamp_s: float = 0.0, side: Side = Side.RIGHT) -> Frame:
    """The same frame in a world turned (or mirrored) about the optical axis, later."""
    hand, evidence = frame
    moved = HandEvidence(evidence.rays @ turn[:2, :2].T, evidence.ray_sigma, evidence.joints @ turn.T, evidence.joint_sigma_m)
    joints = hand.joints @ turn.T
    vertices = (hand.vertices @ turn.T).astype(np.float32)
    rotations = joint_rotations(joints - joints[0], side)
    return replace(hand, side=side, joints=joints, vertices=vertices, rotations=rotations, stamp_s=hand.stamp_s + stamp_s), moved


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), roll=st.floats(-3.0, 3.0), start=st.integers(0, 10**6), mirror=st.booleans())
def test_turning_and_mirroring_the_world_and_shifting_time(seed: int, roll: float, start: int, mirror: bool) -> None:
    plain = frames(6, seed, speed=0.3, bend_rate=1.0)
    turn = rotation_matrix(np.array([0.0, 0.0, roll])) @ (np.diag(MIRROR) if mirror else np.eye(3))
    side = Side.LEFT if mirror else Side.RIGHT
    for one, other in zip(run(plain), run([changed(frame, turn, float(start), side) for frame in plain]), strict=True):
        np.testing.assert_allclose(other.joints, one.joints @ turn.T, atol=2e-3)
        assert other.side is side and other.stamp_s == one.stamp_s + start


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(0.5, 1.6))
def test_a_world_twice_as_large_gives_a_hand_twice_as_large(seed: int, factor: float) -> None:
    plain = frames(5, seed)
    large = [
        (
            replace(h, joints=factor * h.joints, vertices=np.float32(factor) * h.vertices, size_m=factor * h.size_m),
            replace(e, joints=factor * e.joints, joint_sigma_m=factor * e.joint_sigma_m),
        )
        for h, e in plain
    ]
    # The hand moves as far as people do, not as far as giants: only what does not depend on speeds is compared.
    np.testing.assert_allclose(run(large)[0].joints, factor * run(plain)[0].joints, atol=1e-6)
    np.testing.assert_allclose(run(large)[-1].joints, factor * run(plain)[-1].joints, rtol=0.01, atol=0.002)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    wild=st.floats(0.0, 30.0),
    steps=st.lists(st.sampled_from(STEPS_S), min_size=4, max_size=6),
)
def test_any_finite_input_at_any_time_gives_finite_output(seed: int, wild: float, steps: list[float]) -> None:
    rng, estimator, now = np.random.default_rng(seed), HandEstimator(), 0.0
    for step in steps:
        now += step
        evidence = HandEvidence(rng.normal(0, 0.1 * wild, (21, 2)), 0.003, rng.normal(0, 0.02 * wild, (21, 3)), 0.006)
        hand = raw_hand(now, evidence, np.array([0.0, 0.0, 0.5]))
        shown = estimator.update(hand, evidence)
        for array in (shown.joints, shown.vertices, shown.rotations, shown.position_covariance, estimator.joint_covariances(0.08)):
            assert np.isfinite(array).all()
        assert shown.joints[WRIST, 2] > 0


def test_rest_is_steadied_and_bones_keep_their_lengths() -> None:
    given_frames = frames(90, seed=3)
    raw, shown = np.array([h.joints for h, _ in given_frames[30:]]), np.array([h.joints for h in run(given_frames)[30:]])
    assert shown[:, WRIST].std(0)[2] < raw[:, WRIST].std(0)[2] / 3
    fingers = [8, 12, 16, 20]
    assert (shown[:, fingers] - shown[:, :1]).std(0).mean() < (raw[:, fingers] - raw[:, :1]).std(0).mean() / 3
    lengths = np.array([[np.linalg.norm(j[c] - j[p]) for p, c in BONES] for j in shown[30:]])
    assert (lengths.std(0) / lengths.mean(0)).max() < 0.005


def test_a_moving_hand_with_closing_fingers_is_followed() -> None:
    given_frames = frames(30, seed=4, speed=0.5, bend_rate=1.0)
    shown = run(given_frames)
    for i in (20, 25, 29):
        truth = joints_of(pose(HOME + np.array([0.5, 0.0, 0.25]) * i * DT, bend=i * DT), bones())
        assert abs(shown[i].joints[WRIST, 0] - truth[WRIST, 0]) < 0.5 * 0.02 + 0.003  # 20 ms
        assert np.linalg.norm((shown[i].joints - shown[i].joints[0]) - (truth - truth[0]), axis=1).mean() < 0.01


def test_the_mesh_stays_on_the_skeleton() -> None:
    given_frames = frames(20, seed=5)
    around = np.random.default_rng(7).normal(0.0, 0.004, (63, 3))
    shown = run(given_frames)[-1]
    assert np.abs(shown.vertices - (shown.joints[np.arange(63) % 21] + around)).max() < 0.012


def test_a_hand_that_teleports_is_there_within_two_frames() -> None:
    given_frames = frames(20, seed=6)
    moved = []
    for i, (hand, evidence) in enumerate(given_frames):
        if i >= 12:
            shift = np.array([0.2, 0.0, 0.0])
            joints = hand.joints + shift
            hand, evidence = replace(hand, joints=joints), replace(evidence, rays=evidence.rays + shift[:2] / HOME[2])
        moved.append((hand, evidence))
    shown = run(moved)
    assert abs(shown[13].joints[WRIST, 0] - HOME[0] - 0.2) < 0.02


def test_time_gaps_repeats_and_unseen_frames() -> None:
    given_frames = frames(10, seed=7, speed=0.4)
    estimator = HandEstimator()
    shown = run(given_frames, estimator)
    assert estimator.update(*given_frames[-1]) is shown[-1]
    hand, evidence = given_frames[-1]
    unseen = estimator.update(replace(hand, stamp_s=hand.stamp_s + 0.1, state=TrackState.PREDICTED), evidence)
    assert unseen.state is TrackState.PREDICTED and 0.01 < unseen.joints[WRIST, 0] - shown[-1].joints[WRIST, 0] < 0.05
    late = replace(hand, stamp_s=hand.stamp_s + 2.0)
    fresh = HandEstimator()
    fresh.person = estimator.person
    np.testing.assert_allclose(estimator.update(late, evidence).joints, fresh.update(late, evidence).joints, atol=1e-12)


def test_predictions_lead_a_moving_hand_and_stop_at_their_limit() -> None:
    estimator = HandEstimator()
    last = run(frames(20, seed=8, speed=0.5), estimator)[-1]
    ahead, limit = estimator.predict(last.stamp_s + 0.03), estimator.predict(last.stamp_s + 9.0)
    assert ahead.state is TrackState.PREDICTED
    assert ahead.joints[WRIST, 0] - last.joints[WRIST, 0] == pytest.approx(0.5 * 0.03, abs=0.006)
    assert limit.stamp_s == pytest.approx(last.stamp_s + 0.05)
    assert estimator.predict(last.stamp_s - 1.0) is last


def test_covariance_grows_with_the_unknown_size() -> None:
    hand, evidence = frames(1)[0]
    known, unknown = HandEstimator(), HandEstimator()
    first, second = known.update(hand, evidence, 0.0), unknown.update(hand, evidence, 0.08)
    added = second.position_covariance - first.position_covariance
    np.testing.assert_allclose(added, 0.08**2 * np.outer(first.joints[0], first.joints[0]), atol=1e-12)
    assert (np.linalg.eigvalsh(known.turn_covariance) > 0).all()


def test_a_replay_is_exact_and_bad_input_is_refused_with_words() -> None:
    given_frames = frames(8, seed=9, speed=0.2)
    for one, other in zip(run(given_frames), run(given_frames), strict=True):
        np.testing.assert_array_equal(one.joints, other.joints)
    with pytest.raises(InputError, match="still_drift is nan"):
        EstimatorParameters(turn=replace(EstimatorParameters().turn, still_drift=float("nan")))
    hand, evidence = given_frames[0]
    with pytest.raises(ValueError, match="NaN or infinite"):
        HandEstimator().update(replace(hand, joints=np.full((21, 3), np.nan)), evidence)
    with pytest.raises(RuntimeError, match="nothing to predict"):
        HandEstimator().predict(0.0)


def test_switched_off_it_hands_on_what_it_is_given() -> None:
    hand, evidence = frames(1)[0]
    assert HandEstimator(EstimatorParameters(enabled=False)).update(hand, evidence) is hand
