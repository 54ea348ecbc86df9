"""The benchmark of two views: its geometry is exact, and its figures see what a second camera gives."""

from __future__ import annotations

import numpy as np
import pytest
from support.skeleton_hands import raw_hand, seen
from support.two_cameras import hand_at, in_camera

from benchmarks.fusion.measure import measure_fusion, relative_depth_sigma
from benchmarks.fusion.views import PIVOT, VIEW_DEGREES, seen_from, view_place
from benchmarks.motion.measure import Seen
from benchmarks.motion.sequences import hand_motion
from handmesh_training.template import HandTemplate


@pytest.mark.parametrize("degrees", VIEW_DEGREES)
def test_a_motion_seen_from_elsewhere_is_the_same_motion(degrees: float) -> None:
    template = HandTemplate.load()
    motion = hand_motion("all", template.rig, template.poses, np.ones((template.rig.bone_count, 3)), seed=1)
    place, other = view_place(degrees), seen_from(motion, view_place(degrees))
    np.testing.assert_allclose(place.points(other.joints), motion.joints, atol=1e-12)
    np.testing.assert_allclose(place.points(other.wrist), motion.wrist, atol=1e-12)
    np.testing.assert_allclose(place.rotation @ other.rotation, motion.rotation, atol=1e-12)
    np.testing.assert_allclose(place.points(PIVOT), PIVOT, atol=1e-12, err_msg="it looks at the hand from as far away")


def view(degrees: float, rng: np.random.Generator, larger: float) -> Seen:
    hands, evidence, truth = [], [], []
    for n in range(45):
        truth.append(in_camera(view_place(degrees), hand_at(n / 30, larger)))
        evidence.append(seen(truth[-1], rng))
        hands.append(raw_hand(n / 30, evidence[-1], truth[-1][0]))
    return Seen(hands, evidence, np.array(truth))


def test_a_second_camera_shows_in_the_figures() -> None:
    rng = np.random.default_rng(0)
    pair = view(0.0, rng, 1.1), view(60.0, rng, 1.1)
    figures = measure_fusion([pair], 60.0, 0.08)
    assert figures.alone_mm > 20 and figures.ratio < 0.2 and figures.held > 0.9
    assert figures.fused_mm / figures.alone_mm == pytest.approx(figures.ratio)
    assert 0.0005 < relative_depth_sigma(pair) < 0.02
