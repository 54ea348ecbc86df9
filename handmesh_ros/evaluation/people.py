"""How near networks come to a teacher on hands of people whom no training shows: the figures that a model is chosen by.

Errors in space are millimetres of one common hand, whatever the sizes of the networks' own templates.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.evaluation import metrics
from handmesh_ros.hand import MIDDLE_MCP, PALM_JOINTS, WRIST, FloatArray, Side
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.crop import extract_patch
from handmesh_ros.perception.frames import joint_rotations
from handmesh_ros.perception.pipeline import HandPipeline

RgbImage = NDArray[np.uint8]  # (H, W, 3) RGB

COMMON_BONE_SUM_MM = 800.0  # of the common hand's 20 bones; chosen by hand, an adult's
FINGERTIPS = np.array([8, 12, 16, 20])
# A fist has all four fingertips this near the palm's centre, in lengths of the palm (wrist to middle mcp). Of 1842 left-out hands 303 are
# nearer than 0.7 and 326 nearer than 0.9, half of all farther than 1.5.
FIST_REACH = 0.8
# Seen edge-on: the palm's plane within so many degrees of the line of sight; 143 of the 1842.
EDGE_ON_DEGREES = 30.0
NEAR_ENOUGH = 0.1  # for a keypoint to be correct, of the hand's extent; the usual one
EVERYBODY, FIST_ROWS, EDGE_ON_ROWS = "all sources alike", "fists", "edge-on"


@dataclass(frozen=True, eq=False)
class LabelledHands:
    """N hands, each in a picture of its own, and what a teacher says of them.

    Attributes:
        source: (N,) str; is_left: (N,) bool.
        keypoints: (N, 21, 2) pixels, the centre of the first pixel is (0, 0).
        joints: (N, 21, 3), axes of the picture (x right, y down, z away), millimetres of the common hand.
        read_picture: of a row.
    """

    source: NDArray[np.str_]
    is_left: NDArray[np.bool_]
    keypoints: FloatArray
    joints: FloatArray
    read_picture: Callable[[int], RgbImage]

    def __len__(self) -> int:
        return len(self.source)

    def every(self, step: int) -> LabelledHands:
        """Only every so many-th hand."""
        rows = np.arange(0, len(self), step)
        return LabelledHands(
            self.source[rows], self.is_left[rows], self.keypoints[rows], self.joints[rows], lambda row: self.read_picture(int(rows[row]))
        )

    def groups(self) -> dict[str, NDArray[np.bool_]]:
        """Name -> (N,) which hands: the sources, fists, and hands seen edge-on, the latter two by the teacher's joints."""
        palm = self.joints[:, list(PALM_JOINTS)].mean(axis=1, keepdims=True)
        reach = np.linalg.norm(self.joints[:, FINGERTIPS] - palm, axis=2).max(axis=1)
        length = np.linalg.norm(self.joints[:, MIDDLE_MCP] - self.joints[:, WRIST], axis=1)
        towards_camera = self._palm_frames()[:, 2, 2]
        sources = dict.fromkeys(self.source.tolist())
        return {source: self.source == source for source in sources} | {
            FIST_ROWS: reach <= FIST_REACH * length,
            EDGE_ON_ROWS: np.abs(towards_camera) <= np.sin(np.radians(EDGE_ON_DEGREES)),
        }

    def _palm_frames(self) -> FloatArray:
        """(N, 3, 3), columns: the wrist's x, y, z in the picture's axes."""
        sides = (Side.LEFT if left else Side.RIGHT for left in self.is_left)
        return np.stack([joint_rotations(joints, side)[WRIST] for joints, side in zip(self.joints, sides, strict=True)])


@dataclass(frozen=True, eq=False)
class View:
    """What a network says of one crop, in the picture's axes.

    Attributes:
        keypoints: (21, 2) pixels; joints: (21, 3), any unit; vertices: (V, 3), that of the joints, or None.
        right_probability: that the picture as stored shows a right hand; None where the network cannot tell.
    """

    keypoints: FloatArray
    joints: FloatArray
    vertices: FloatArray | None
    right_probability: float | None


class Estimator(Protocol):
    """A network as it is judged here. ``view`` is called from several threads at once."""

    @property
    def name(self) -> str: ...

    def view(self, picture_rgb: RgbImage, keypoints: FloatArray, mirror: bool) -> View:
        """What it says of the hand at these keypoints (21, 2), pixels, cut out as the network wants it."""

    def shows_hand(self, picture_rgb: RgbImage) -> bool:
        """Whether it finds a hand somewhere in a picture."""


class MeshEstimator:
    """A mesh network under a name of the caller's, and the pipeline that it runs in."""

    def __init__(self, name: str, pipeline: HandPipeline) -> None:
        self.name = name
        self.faces = pipeline.network.faces
        self._pipeline, self._network = pipeline, pipeline.network

    def view(self, picture_rgb: RgbImage, keypoints: FloatArray, mirror: bool) -> View:
        region = self._network.region_around(keypoints, mirror)
        estimate = self._network.predict(extract_patch(picture_rgb, region, self._network.patch_size))
        axes = np.eye(3)
        axes[:2, :2] = region.axes
        right = estimate.right_probability
        return View(
            region.to_image(estimate.keypoints),
            estimate.joints @ axes.T,
            estimate.vertices @ axes.T,
            right if right is None or not mirror else 1.0 - right,
        )

    def shows_hand(self, picture_rgb: RgbImage) -> bool:
        height, width = picture_rgb.shape[:2]
        return bool(self._pipeline.process_single(picture_rgb, Camera.from_hfov(width, height, 60.0)))


@dataclass(frozen=True, eq=False)
class Estimates:
    """What one network says of N hands, each told its side.

    Attributes:
        keypoints: (N, 21, 2) pixels; joints: (N, 21, 3) and vertices: (N, V, 3) or None, axes of the picture, any unit.
        right_side: (N, 2), whether it reads the side right in the picture and in its mirror image; None where it cannot tell.
    """

    keypoints: FloatArray
    joints: FloatArray
    vertices: FloatArray | None
    right_side: NDArray[np.bool_] | None


def ask(estimator: Estimator, hands: LabelledHands, report: Callable[[], object] = lambda: None) -> Estimates:
    """Show every hand to a network, on all processors at once; the answer does not depend on how many there are.

    Args:
        report: called after each hand.

    Raises:
        DatasetError: a picture cannot be read.
    """

    def look(row: int) -> tuple[View, list[bool] | None]:
        picture, keypoints, is_left = hands.read_picture(row), hands.keypoints[row], bool(hands.is_left[row])
        view, mirrored = (estimator.view(picture, keypoints, mirror) for mirror in (is_left, not is_left))
        report()
        if view.right_probability is None or mirrored.right_probability is None:
            return view, None
        return view, [(right >= 0.5) is not is_left for right in (view.right_probability, mirrored.right_probability)]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        views, sides = zip(*pool.map(look, range(len(hands))), strict=True)
    return Estimates(
        np.stack([view.keypoints for view in views]),
        np.stack([view.joints for view in views]),
        None if views[0].vertices is None else np.stack([view.vertices for view in views]),
        None if sides[0] is None else np.array(sides),
    )


def figures(hands: LabelledHands, estimates: Estimates) -> dict[str, dict[str, float]]:
    """Measure -> group of hands -> figure.

    Joints are compared after similarity alignment (PA) and after shift and scale alone (upright); lengths are those of the common hand.
    Every source counts the same in ``EVERYBODY``.
    """
    keypoints = metrics.relative_keypoint_errors(estimates.keypoints, hands.keypoints)
    measures = {
        "2D error, % of the hand": 100 * keypoints.mean(axis=1),
        f"PCK@{NEAR_ENOUGH}": (keypoints <= NEAR_ENOUGH).mean(axis=1),
        "joints, PA, mm": aligned_errors(hands, estimates),
        "joints, upright, mm": aligned_errors(hands, estimates, rotation=False),
    }
    if estimates.right_side is not None:
        measures["side right, %"] = 100 * estimates.right_side.mean(axis=1)
    return {name: _by_group(hands, values) for name, values in measures.items()}


def aligned_errors(hands: LabelledHands, estimates: Estimates, *, rotation: bool = True) -> FloatArray:
    """(N,) mean error of a hand's joints after shift, scale and, unless it is ruled out, rotation."""
    aligned = metrics.similarity_align(estimates.joints, hands.joints, rotation=rotation)
    return np.asarray(metrics.point_errors(aligned, hands.joints).mean(axis=1))


def _by_group(hands: LabelledHands, values: FloatArray) -> dict[str, float]:
    means = {name: float(values[rows].mean()) for name, rows in hands.groups().items() if rows.any()}
    return {EVERYBODY: float(np.mean([means[source] for source in dict.fromkeys(hands.source.tolist())]))} | means


def share_without_hand(estimator: Estimator, pictures: Sequence[RgbImage]) -> float:
    """Of pictures that show none, the share in which a network finds none."""
    return float(np.mean([not estimator.shows_hand(picture) for picture in pictures]))
