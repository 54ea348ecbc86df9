"""How often frames are searched for palms, with the real detector."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from support.paths import SHARED, needs_shared

from handmesh_ros.perception.detect import PalmDetector
from handmesh_ros.perception.searching import SECOND_LOOK_EVERY, PalmSearch
from handmesh_ros.provision import model_path

ROOM = np.random.default_rng(0).integers(60, 200, (480, 640, 3), np.uint8)


@pytest.fixture
def detector() -> PalmDetector:
    return PalmDetector(model_path("palm_detection"))


def noisy(picture: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(0, 1, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def hand_that_fills_the_picture(detector: PalmDetector) -> NDArray[np.uint8]:
    """The first real hand, cut out tightly, that only the second look finds by far, as a picture of 480 pixels."""
    labels = np.load(SHARED / "real_hands" / "labels.npz")
    for index in range(0, len(labels["names"]), 20):
        picture = np.asarray(cv2.imread(str(SHARED / "real_hands" / str(labels["names"][index]))), np.uint8)[..., ::-1]
        low, high = labels["uv"][index].min(axis=0), labels["uv"][index].max(axis=0)
        center, half = (low + high) / 2, 0.6 * (high - low).max()
        x0, y0, x1, y1 = np.round([*np.maximum(center - half, 0), *(center + half)]).astype(int).tolist()
        tight = np.asarray(cv2.resize(picture[y0:y1, x0:x1], (480, 480)), np.uint8)
        if not detector.detect(tight, threshold=0.2, second_look=False) and detector.detect(tight):
            return tight
    raise AssertionError("no such hand")


def test_a_picture_that_stands_still_is_searched_once(detector: PalmDetector) -> None:
    search = PalmSearch(detector)
    for _ in range(10):
        assert search.find(ROOM.copy(), 2, 0.5) == []
    assert (detector.calls, detector.looks) == (1, 1)


def test_a_still_scene_with_noise_is_searched_every_time(detector: PalmDetector) -> None:
    search = PalmSearch(detector)
    for seed in range(4):
        search.find(noisy(ROOM, seed), 2, 0.5)
    assert detector.calls == 4


@pytest.mark.parametrize(("shape", "max_hands", "threshold"), [((480, 600, 3), 2, 0.5), ((480, 640, 3), 1, 0.5), ((480, 640, 3), 2, 0.4)])
def test_what_is_asked_otherwise_is_searched_again(
    detector: PalmDetector, shape: tuple[int, ...], max_hands: int, threshold: float
) -> None:
    search = PalmSearch(detector)
    search.find(np.zeros((480, 640, 3), np.uint8), 2, 0.5)
    search.find(np.zeros(shape, np.uint8), max_hands, threshold)
    assert detector.calls == 2


@needs_shared
def test_a_frozen_picture_of_a_hand_keeps_showing_its_palm(detector: PalmDetector) -> None:
    frame = cv2.VideoCapture(str(SHARED / "video" / "human_hand.mp4")).read()[1][..., ::-1].copy()
    search = PalmSearch(detector)
    first, again = (search.find(frame, 2, 0.5) for _ in range(2))
    assert len(first) == 1 and detector.calls == 1
    np.testing.assert_array_equal(first[0].keypoints, again[0].keypoints)


@needs_shared
def test_a_hand_that_fills_the_picture_is_found_by_every_third_search(detector: PalmDetector) -> None:
    tight = hand_that_fills_the_picture(detector)
    search, looks = PalmSearch(detector), detector.looks - detector.calls
    found = [bool(search.find(noisy(tight, seed), 2, 0.5)) for seed in range(3 * SECOND_LOOK_EVERY)]
    assert found == [True, False, False] * 3
    assert detector.looks - detector.calls == looks + 3


@needs_shared
def test_in_a_picture_that_froze_between_two_second_looks_such_a_hand_is_found(detector: PalmDetector) -> None:
    tight = hand_that_fills_the_picture(detector)
    search, calls = PalmSearch(detector), detector.calls
    search.find(ROOM, 2, 0.5)
    assert [bool(search.find(tight, 2, 0.5)) for _ in range(6)] == [False, False, True, True, True, True]
    assert detector.calls == calls + 3
