"""The smoother of whole hands: steady, consistent in itself, honest about time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.two_hands import open_hand

from benchmarks.filters.former.belief import MotionParameters
from benchmarks.filters.former.smoother import HandSmoother, SmoothingParameters
from handmesh_ros.hand import BONES, JOINT_PARENTS, Hand, Side, TrackState
from handmesh_ros.perception.rotations import rotation_matrix, rotation_vector

HOME = np.array([0.05, 0.03, 0.6])
VERTICES = 778


def bone_frames(joints: np.ndarray) -> np.ndarray:
    """(21, 3, 3): x along the bone, z away from the camera as far as that allows."""
    frames = np.empty((21, 3, 3))
    for joint in range(21):
        child = 9 if joint == 0 else joint + 1
        bone = joints[child] - joints[joint] if joint == 0 or joint % 4 else joints[joint] - joints[JOINT_PARENTS[joint]]
        x = bone / np.linalg.norm(bone)
        z = np.array([0.0, 0.0, 1.0]) - x[2] * x
        z /= np.linalg.norm(z)
        frames[joint] = np.stack([x, np.cross(z, x), z], axis=1)
    return frames


def hand(stamp_s: float, position: np.ndarray = HOME, joint_noise: np.ndarray | float = 0.0, curl: float = 0.0) -> Hand:
    """A right hand with a mesh around its joints. ``curl`` bends the fingers about x, radians at the knuckles."""
    shape = open_hand(Side.RIGHT)
    for finger in range(1, 5):
        knuckle = 1 + 4 * finger
        turn = rotation_matrix(np.array([curl, 0.0, 0.0]))
        shape[knuckle + 1 : knuckle + 4] = (shape[knuckle + 1 : knuckle + 4] - shape[knuckle]) @ turn.T + shape[knuckle]
    joints = shape + joint_noise
    around = np.random.default_rng(7).normal(0.0, 0.006, (VERTICES, 3))
    vertices = (joints[np.arange(VERTICES) % 21] + around + position).astype(np.float32)
    return Hand(
        Side.RIGHT, 0.9, 0.9, 1, TrackState.TRACKING, stamp_s, vertices,
        joints + position, bone_frames(joints), np.zeros((21, 2)), np.eye(3) * 1e-5, 0.09, True,
    )  # fmt: skip


def noisy(stamp_s: float, rng: np.random.Generator, position: np.ndarray = HOME, curl: float = 0.0) -> Hand:
    shift = rng.normal(0.0, 1.0, 3) * np.array([0.0015, 0.0015, 0.006])
    return hand(stamp_s, position + shift, rng.normal(0.0, 0.002, (21, 3)), curl)


def run(hands: list[Hand], parameters: SmoothingParameters | None = None) -> list[Hand]:
    smoother = HandSmoother(parameters)
    return [smoother.update(h) for h in hands]


def bone_lengths(h: Hand) -> np.ndarray:
    return np.array([np.linalg.norm(h.joints[c] - h.joints[p]) for p, c in BONES])


def assert_same(a: Hand, b: Hand, tolerance: float = 1e-9) -> None:
    assert a.joints == pytest.approx(b.joints, abs=tolerance)
    assert a.rotations == pytest.approx(b.rotations, abs=tolerance)
    assert a.vertices == pytest.approx(b.vertices, abs=max(tolerance, 1e-6))


def test_without_noise_a_still_hand_is_returned_as_it_is() -> None:
    hands = [hand(i / 30) for i in range(30)]
    for measured, smooth in zip(hands, run(hands), strict=True):
        assert_same(smooth, measured, 1e-9)


def test_without_smoothing_hands_are_handed_on_and_predictions_stand_still() -> None:
    rng = np.random.default_rng(0)
    smoother = HandSmoother(SmoothingParameters(enabled=False))
    for i in range(10):
        measured = noisy(i / 30, rng, HOME + np.array([0.01 * i, 0.0, 0.0]))
        assert smoother.update(measured) is measured
    ahead = smoother.predict(1.0)
    assert ahead.stamp_s == pytest.approx(measured.stamp_s + 0.05)
    assert_same(ahead, measured)


def test_rest_is_steadied() -> None:
    rng = np.random.default_rng(0)
    raw = [noisy(i / 30, rng) for i in range(400)]
    smooth = run(raw)
    before, after = (np.array([h.joints for h in hands[60:]]).std(axis=0) for hands in (raw, smooth))
    assert (before[0, :2] / after[0, :2]).min() > 4.0
    assert before[0, 2] / after[0, 2] > 6.0
    assert (before[1:] / after[1:]).mean() > 2.0
    mesh_before, mesh_after = (np.array([h.vertices for h in hands[60:]]).std(axis=0).mean() for hands in (raw, smooth))
    assert mesh_before / mesh_after > 2.5
    truth = hand(0.0).rotations[0]
    angles = [np.std([rotation_vector(h.rotations[0] @ truth.T) for h in hands[60:]]) for hands in (raw, smooth)]
    assert angles[0] / angles[1] > 2.0


def test_bones_keep_their_lengths_and_frames_stay_on_the_bones() -> None:
    rng = np.random.default_rng(1)
    raw = [noisy(i / 30, rng, curl=0.8 * np.sin(i / 10)) for i in range(200)]
    smooth = run(raw)
    lengths = np.array([bone_lengths(h) for h in smooth[100:]])
    assert lengths.std(axis=0).max() < 0.0005
    assert lengths.mean(axis=0) == pytest.approx(bone_lengths(hand(0.0)), abs=0.0015)
    for h in smooth[100::20]:
        assert h.rotations @ h.rotations.transpose(0, 2, 1) == pytest.approx(np.tile(np.eye(3), (21, 1, 1)), abs=1e-9)
        for joint in [j for j in range(21) if j % 4]:
            bone = h.joints[joint + 1] - h.joints[joint]
            assert h.rotations[joint, :, 0] @ bone == pytest.approx(np.linalg.norm(bone))


def test_fast_fingers_are_followed() -> None:
    curls = [1.2 * np.clip((i - 20) / 8, 0.0, 1.0) for i in range(60)]  # a fist in a quarter of a second
    smooth = run([hand(i / 30, curl=c) for i, c in enumerate(curls)])
    tip = np.array([h.joints[8] - h.joints[0] for h in smooth])
    truth = np.array([hand(0.0, curl=c).joints[8] - HOME for c in curls])
    assert np.linalg.norm(tip - truth, axis=1)[32] < 0.006  # a tenth of a second after the fist is made
    mesh = np.array([h.vertices for h in smooth[32:34]])
    wanted = hand(0.0, curl=1.2).vertices
    assert np.linalg.norm(mesh[0] - wanted, axis=1).max() < 0.01


def test_mesh_stays_on_the_joints() -> None:
    rng = np.random.default_rng(2)
    smooth = run([noisy(i / 30, rng, HOME + np.array([0.01 * i, 0.0, 0.0]), 0.5 * np.sin(i / 8)) for i in range(60)])
    around = hand(0.0).vertices - hand(0.0).joints[np.arange(VERTICES) % 21]
    at_rest = np.linalg.norm(around, axis=1).mean()
    off = np.linalg.norm(smooth[-1].vertices - smooth[-1].joints[np.arange(VERTICES) % 21], axis=1).mean()
    assert off == pytest.approx(at_rest, rel=0.15)


def test_a_loss_of_half_a_second_starts_anew_without_overshoot() -> None:
    smoother = HandSmoother()
    for i in range(15):
        smoother.update(hand(i / 30, HOME + np.array([0.0166 * i, 0.0, 0.0])))  # half a metre a second
    end = HOME + np.array([0.40, 0.0, 0.0])
    after = [smoother.update(hand(15 / 30 + 0.5 + i / 30, end)).joints[0] for i in range(20)]
    assert np.array(after) == pytest.approx(np.tile(end, (20, 1)), abs=0.002)


def test_repeated_stamps_and_stamps_that_go_back() -> None:
    rng = np.random.default_rng(0)
    smoother = HandSmoother()
    last = [smoother.update(noisy(i / 30, rng)) for i in range(30)][-1]
    assert smoother.update(noisy(29 / 30, rng)) is last
    again = noisy(3 / 30, rng)
    assert_same(smoother.update(again), again)


def test_prediction_leads_a_moving_hand_and_not_a_still_one() -> None:
    rng = np.random.default_rng(0)
    smoother = HandSmoother()
    misses = []
    for i in range(60):  # half a metre a second from the 30th frame on
        smoother.update(noisy(i / 30, rng, HOME + np.array([max(i - 30, 0) / 60.0 - 0.25, 0.0, 0.0])))
        ahead = smoother.predict(i / 30 + 0.04)
        if i >= 40:
            assert ahead.state is TrackState.PREDICTED
            assert ahead.stamp_s == pytest.approx(i / 30 + 0.04)
            misses.append(ahead.joints[0, 0] - HOME[0] - ((i - 30) / 60.0 - 0.25 + 0.02))
    assert abs(np.mean(misses)) < 0.004
    assert np.std(misses) < 0.006
    for i in range(60, 200):
        smooth = smoother.update(noisy(i / 30, rng, HOME))
    assert np.linalg.norm(smoother.predict(199 / 30 + 0.05).joints - smooth.joints, axis=1).max() < 0.002


def test_prediction_stops_at_its_limit_and_never_goes_back() -> None:
    smoother = HandSmoother()
    with pytest.raises(RuntimeError, match="update"):
        smoother.predict(1.0)
    for i in range(30):
        last = smoother.update(hand(i / 30, HOME + np.array([0.01 * i, 0.0, 0.0])))
    assert smoother.predict(5.0).stamp_s == pytest.approx(last.stamp_s + 0.05)
    assert smoother.predict(last.stamp_s - 1.0) is last
    assert bone_lengths(smoother.predict(5.0)) == pytest.approx(bone_lengths(last))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), angle=st.floats(-3.0, 3.0), start=st.integers(0, 100_000))
def test_turning_the_world_and_shifting_time(seed: int, angle: float, start: int) -> None:
    rng = np.random.default_rng(seed)
    turn = rotation_matrix(rng.normal(size=3) * angle)
    raw = [noisy(i / 32, rng, HOME + np.array([0.005 * i, 0.0, 0.0])) for i in range(25)]

    def elsewhere(h: Hand) -> Hand:
        return replace(h, joints=h.joints @ turn.T, vertices=h.vertices @ turn.T, rotations=turn @ h.rotations, stamp_s=h.stamp_s + start)

    assert_same(run([elsewhere(h) for h in raw])[-1], elsewhere(run(raw)[-1]), 1e-6)


@pytest.mark.parametrize("correlation", [0.0, 0.8])
@pytest.mark.parametrize("speed", [0.0, 0.25])
def test_covariance_holds_the_error(correlation: float, speed: float) -> None:
    """The true wrist lies in the 95 % ellipsoid in most frames, whether noise repeats itself or not; at rest it is a small one."""
    rng = np.random.default_rng(0)
    sigma = np.array([0.002, 0.002, 0.008])
    inside, volumes = [], []
    for _ in range(2):
        smoother, noise = HandSmoother(), rng.normal(size=3)
        for i in range(240):
            noise = correlation * noise + np.sqrt(1.0 - correlation**2) * rng.normal(size=3)
            truth = HOME + np.array([0.08 * np.sin(speed / 0.08 * i / 30), 0.0, 0.0])
            smooth = smoother.update(hand(i / 30, truth + sigma * noise))
            error = smooth.joints[0] - truth
            if i >= 60:
                inside.append(error @ np.linalg.solve(smooth.position_covariance, error) < 7.81)  # chi-square, 3 degrees of freedom
                volumes.append(np.linalg.det(smooth.position_covariance))
    assert np.mean(inside) > 0.9
    if speed == 0.0:
        assert np.median(volumes) < np.prod(sigma**2), "a hand at rest is known better than one picture shows it"


def test_covariance_keeps_what_the_size_adds_and_what_is_not_seen() -> None:
    smoother, known = HandSmoother(), HandSmoother()
    for i in range(30):
        smooth, exact = smoother.update(hand(i / 30), 0.08), known.update(hand(i / 30))
    wrist = smooth.joints[0]
    np.testing.assert_allclose(smooth.position_covariance - exact.position_covariance, 0.08**2 * np.outer(wrist, wrist), atol=1e-12)
    unseen = replace(hand(1.0), state=TrackState.PREDICTED, position_covariance=np.eye(3) * 0.01)
    np.testing.assert_array_equal(smoother.update(unseen, 0.08).position_covariance, unseen.position_covariance)


def test_replay_is_exact() -> None:
    rng = np.random.default_rng(0)
    raw = [noisy(i / 30, rng) for i in range(40)]
    first, second = run(raw)[-1], run(raw)[-1]
    assert np.array_equal(first.joints, second.joints)
    assert np.array_equal(first.vertices, second.vertices)


def test_bad_input_is_refused_with_words() -> None:
    with pytest.raises(ValueError, match="reset_after_s is nan"):
        SmoothingParameters(reset_after_s=float("nan"))
    with pytest.raises(ValueError, match=r"noise_m is -1\.0"):
        SmoothingParameters(motion=MotionParameters(noise_m=-1.0))
    broken = hand(0.0)
    with pytest.raises(ValueError, match="NaN"):
        HandSmoother().update(replace(broken, joints=np.full((21, 3), np.nan)))
