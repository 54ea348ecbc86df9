"""The benchmark of sides, identities, ghosts and false hands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.skeleton_hands import HOME, bones, joints_of, pose, raw_hand, seen

from benchmarks.sides import SAMPLINGS, STILL_RATE_HZ, STILL_SECONDS, STILL_SIDE, kept_frames, longest_ghost_s, still_or_pan
from handmesh_ros.hand import Hand, TrackState


@pytest.fixture
def hand() -> Hand:
    true = pose(HOME, bend=0.0)
    return replace(raw_hand(0.0, seen(joints_of(true, bones()), np.random.default_rng(0)), true.wrist), track_id=1)


def test_a_ghost_is_what_is_reported_after_the_last_measurement(hand: Hand) -> None:
    predicted = replace(hand, state=TrackState.PREDICTED)
    gone = [(0.0, [hand]), (0.1, [predicted]), (0.2, [predicted]), (0.3, [])]
    assert longest_ghost_s(gone) == pytest.approx(0.2)
    assert longest_ghost_s(gone[:3]) == pytest.approx(0.2)
    assert longest_ghost_s([*gone[:3], (0.3, [hand])]) == 0.0  # it came back
    assert longest_ghost_s([*gone, (0.4, [hand])]) == pytest.approx(0.2)
    assert longest_ghost_s([]) == 0.0


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_samplings_keep_frames_in_order(sampling: str) -> None:
    frames = kept_frames(100, sampling)
    assert frames[0] == 0 and frames == sorted(set(frames)) and frames[-1] < 100
    assert len(frames) == {"every frame": 100, "every third": 34}.get(sampling, len(frames)) > 20


def test_a_still_is_the_picture_and_a_pan_moves_over_it() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (160, 160, 3), dtype=np.uint8)
    still, pan = (list(still_or_pan(picture, pans, 0)) for pans in (False, True))
    assert len(still) == len(pan) == STILL_RATE_HZ * STILL_SECONDS
    assert still[0].rgb.shape == (STILL_SIDE, STILL_SIDE, 3) and np.array_equal(still[0].rgb, still[-1].rgb)
    assert np.abs(still[0].rgb[::3, ::3].astype(int) - picture).mean() < 10
    assert not np.array_equal(pan[0].rgb, pan[1].rgb)
