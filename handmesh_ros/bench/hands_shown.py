"""Pictures with two hands, one and none, over and over: the demo's clip beside its mirror image."""

from __future__ import annotations

import contextlib
import itertools

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.demo.report import Truth
from handmesh_ros.errors import InputError
from handmesh_ros.files import clip_file
from handmesh_ros.perception.camera import Camera
from handmesh_ros.sources import open_source

SHOWN_RATE_HZ = 30.0
CYCLE = ((2, 12.0), (1, 8.0), (0, 4.0))  # hands, and for how many seconds; each beginning and end is a cut
KEPT_FRAMES = 90  # of the clip, played forwards and backwards; 83 MB


def hands_at(number: int) -> int:
    """How many hands the picture of this number shows."""
    place_s = number / SHOWN_RATE_HZ % sum(seconds for _, seconds in CYCLE)
    for hands, seconds in CYCLE:
        if place_s < seconds:
            return hands
        place_s -= seconds
    return CYCLE[-1][0]


class HandPictures:
    """The pictures by their number.

    Raises:
        InputError: the clip is not as its truth says.
    """

    def __init__(self) -> None:
        truth = Truth.read(clip_file("demo_truth.npz"))
        last = int(np.flatnonzero(truth.absent)[-1])
        with contextlib.closing(open_source(str(clip_file("demo.mp4")))) as source:
            frames = [frame.rgb for frame in itertools.islice(source, last + 1)]
        if len(frames) != last + 1 or not truth.visible[:KEPT_FRAMES].all():
            raise InputError("demo.mp4 and demo_truth.npz do not belong together: install the package again")
        self._empty = frames[last].copy()
        self._frames = [frame.copy() for frame in frames[:KEPT_FRAMES]]

    def picture(self, number: int, hands: int | None = None) -> tuple[NDArray[np.uint8], int]:
        """(H, 2 W, 3) uint8 RGB, W and H those of the clip, and how many hands are in it: so many, else as :func:`hands_at` says."""
        hands = hands_at(number) if hands is None else hands
        place = number % (2 * KEPT_FRAMES - 2)
        frame = self._frames[min(place, 2 * KEPT_FRAMES - 2 - place)]
        left, right = frame if hands else self._empty, frame[:, ::-1] if hands == 2 else self._empty
        return np.concatenate([left, right], axis=1), hands


def seen_camera() -> Camera:
    """The calibration of the pictures: the clip's, with the axis between both halves."""
    camera = Camera.from_yaml(clip_file("demo_camera.yaml"))
    matrix = camera.K.copy()
    matrix[0, 2] = camera.width - 0.5
    return Camera(2 * camera.width, camera.height, matrix)
