"""Hands of two cameras become one hand that is nearer to the truth than either's."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.known_hand import known_hand
from support.two_cameras import NAMES, hand_at, in_camera, place_beside, two_views
from transforms3d.euler import euler2mat

from handmesh_ros.errors import InputError
from handmesh_ros.fusion.extrinsics import CameraPlace
from handmesh_ros.fusion.fuse import FusedHand
from handmesh_ros.fusion.fuser import FusedFrame, HandFuser
from handmesh_ros.hand import Hand, Side, TrackState

CHI2_3 = 7.81  # 95 %, 3 degrees of freedom
LARGER = 1.08  # one sigma of people's hands
FRONT = CameraPlace(np.eye(3), np.zeros(3))


def run(degrees: float, frames: int = 60, seed: int = 0, turned: CameraPlace = FRONT) -> tuple[list[FusedFrame], np.ndarray]:
    """Fused frames, and the first camera's errors along its ray (its z), every joint."""
    places = {name: place_beside(angle) for name, angle in zip(NAMES, (0.0, degrees), strict=True)}
    there = {name: CameraPlace(turned.rotation @ p.rotation, turned.points(p.position)) for name, p in places.items()}
    fuser, fused, alone = HandFuser(), [], []
    for name, stamp_s, hand, truth in two_views(places, frames, np.random.default_rng(seed), LARGER):
        if name == NAMES[0]:
            alone.append((hand.joints - in_camera(places[name], truth))[:, 2])
        frame = fuser.take(name, there[name], stamp_s, [hand])
        if frame is not None and len(frame.cameras) == 2:
            fused.append(frame)
    return fused, np.array(alone)


def together(fuser: HandFuser, stamp_s: float, **hands: list[Hand]) -> FusedFrame:
    """The fused frame of cameras that expose at one time, and have done so for a while."""
    frames = [
        fuser.take(camera, FRONT, then, seen if then == stamp_s else [])
        for then in [stamp_s - n / 30 for n in (5, 4, 3, 2, 1, 0)]
        for camera, seen in hands.items()
    ]
    last = frames[-1]
    assert last is not None and last.stamp_s == stamp_s
    return last


def only(frame: FusedFrame) -> FusedHand:
    (one,) = frame.hands
    return one


@pytest.mark.parametrize(("degrees", "share"), [(25.0, 0.4), (60.0, 0.1), (120.0, 0.1)])
def test_depth_is_nearer_to_the_truth_than_one_cameras(degrees: float, share: float) -> None:
    frames, alone = run(degrees)
    errors = np.array([only(frame).hand.joints - hand_at(frame.stamp_s, LARGER) for frame in frames])
    assert np.median(np.abs(errors[..., 2])) < share * np.median(np.abs(alone))
    assert {only(frame).hand.track_id for frame in frames} == {1} and all(not frame.conflicts for frame in frames)


def test_the_hands_size_is_measured_and_the_covariance_honest() -> None:
    frames, _ = run(70.0)
    sizes = [only(frame).hand.size_m for frame in frames]
    truth = np.linalg.norm(hand_at(0.0, LARGER)[9] - hand_at(0.0, LARGER)[0])
    assert np.median(sizes) == pytest.approx(truth, rel=0.02) and truth > 0.09
    inside = []
    for frame in frames:
        hand = only(frame).hand
        error = hand.joints[0] - hand_at(frame.stamp_s, LARGER)[0]
        inside.append(error @ np.linalg.solve(hand.position_covariance, error) < CHI2_3)
        assert np.sqrt(np.linalg.eigvalsh(hand.position_covariance)[-1]) < 0.01
    assert np.mean(inside) > 0.9


def test_the_common_frame_is_anyones() -> None:
    turned = CameraPlace(euler2mat(0.4, 1.0, -2.0), np.array([3.0, -1.0, 0.5]))
    for one, other in zip(run(60.0, 10)[0], run(60.0, 10, turned=turned)[0], strict=True):
        a, b = only(one).hand, only(other).hand
        np.testing.assert_allclose(turned.points(a.joints), b.joints, atol=1e-9)
        np.testing.assert_allclose(turned.rotation @ a.rotations, b.rotations, atol=1e-7)
        np.testing.assert_allclose(turned.rotation @ a.position_covariance @ turned.rotation.T, b.position_covariance, atol=1e-12)


def test_a_hand_keeps_its_number_while_any_camera_follows_it() -> None:
    fuser, ids = HandFuser(), []
    tracks = {"a": [1, 1, None, None, 4, 4, 4], "b": [None, 9, 9, 9, 9, None, None]}
    for n in range(7):
        for camera in ("a", "b"):
            track = tracks[camera][n]
            hands = [] if track is None else [known_hand(track_id=track, stamp_s=n / 30)]
            frame = fuser.take(camera, FRONT, n / 30, hands)
            if frame is not None:
                ids.append([one.hand.track_id for one in frame.hands])
    assert len(ids) >= 5 and {tuple(one) for one in ids} == {(1,)}
    fuser.take("a", FRONT, 1.0, [])
    frame = fuser.take("a", FRONT, 1.1, [known_hand(track_id=5, stamp_s=1.1)])
    assert frame is not None and only(frame).hand.track_id == 2, "a number is not used again"


def test_sides_are_voted_for() -> None:
    sure = replace(known_hand(Side.RIGHT, stamp_s=1.0), side_score=0.95)
    mistaken = replace(sure, side=Side.LEFT, side_score=0.6)
    frame = together(HandFuser(), 1.0, a=[mistaken], b=[replace(sure, state=TrackState.PREDICTED)])
    hand = only(frame).hand
    assert hand.side is Side.RIGHT and 0.9 < hand.side_score < 0.95 and hand.state is TrackState.TRACKING
    assert only(frame).cameras == ("a", "b") and np.isnan(hand.keypoints).all() and hand.vertices.shape == (0, 3)


def test_disagreement_makes_the_covariance_larger() -> None:
    def frame_of(apart_m: float) -> FusedHand:
        hands = [known_hand(position=(x, 0.0, 0.5), stamp_s=1.0) for x in (0.0, apart_m)]
        frame = together(HandFuser(), 1.0, a=hands[:1], b=hands[1:])
        assert bool(frame.conflicts) is (apart_m > 0)
        return only(frame)

    agreed, not_agreed = frame_of(0.0), frame_of(0.08)
    assert agreed.disagreement == 0.0 and not_agreed.disagreement > 4
    assert np.trace(not_agreed.hand.position_covariance) > 5 * np.trace(agreed.hand.position_covariance)


def test_a_clock_that_begins_anew() -> None:
    fuser = HandFuser()
    fuser.take("a", FRONT, 100.0, [known_hand(stamp_s=100.0)])
    assert fuser.take("a", FRONT, 99.99, [known_hand(stamp_s=99.99)]) is None, "late"
    frame = fuser.take("a", FRONT, 1.0, [known_hand(stamp_s=1.0)])
    assert frame is not None and frame.stamp_s == 1.0 and only(frame).hand.track_id == 2


def test_clocks_that_differ_are_told() -> None:
    fuser = HandFuser()
    for n in range(10):
        fuser.take("a", FRONT, 500.0 + n / 30, [known_hand(stamp_s=500.0 + n / 30)])
        frame = fuser.take("b", FRONT, n / 30, [known_hand(stamp_s=n / 30)])
        assert frame is None or frame.cameras == ("a",)
    assert fuser.behind_s["b"] == pytest.approx(500.0) and fuser.behind_s["a"] == 0.0


def test_what_has_no_place_is_refused() -> None:
    with pytest.raises(InputError, match="hands of left have no metric scale"):
        HandFuser().take("left", FRONT, 0.0, [replace(known_hand(), metric=False)])
    with pytest.raises(InputError, match="NaN"):
        HandFuser().take("left", FRONT, 0.0, [replace(known_hand(), joints=np.full((21, 3), np.nan))])
    with pytest.raises(InputError, match="extrinsics_sigma_m"):
        HandFuser(-1.0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rotations": np.full((21, 3, 3), np.nan)}, "NaN"),
        ({"side_score": float("nan")}, "NaN"),
        ({"joints": np.zeros((21, 3))}, "0 to 0 m from its camera"),
        ({"joints": np.full((21, 3), 1e300)}, "m from its camera"),
        ({"position_covariance": np.diag([1.0, 1.0, -1.0])}, "covariance that is none"),
        ({"position_covariance": np.array([[1.0, 5.0, 0], [0, 1, 0], [0, 0, 1]])}, "covariance that is none"),
        ({"position_covariance": 1e30 * np.eye(3)}, "nowhere"),
    ],
)
def test_a_hand_that_cannot_be_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        HandFuser().take("left", FRONT, 0.0, [replace(known_hand(), **changes)])
