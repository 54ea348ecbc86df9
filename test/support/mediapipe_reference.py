"""MediaPipe's hand graph as a reference for tests: its own rules for regions, its own crop scale, its landmark network, no smoothing.

Independent of handmesh_ros.perception's cropping and tracking on purpose; only the palm detector is shared.
Written from the published graph: hand_landmark_tracking, palm_detection_detection_to_roi and hand_landmark_landmarks_to_roi.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.perception.detect import PalmDetection, PalmDetector
from handmesh_ros.perception.onnx_session import OnnxNetwork

PATCH = 224
PRESENT = 0.5
# The joints that give the next region: wrist, thumb without its tip, and every finger's mcp and pip.
REGION_JOINTS = [0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18]


@dataclass(frozen=True)
class Region:
    """A turned square of the frame: centre (2,) px, side px, angle rad (clockwise on the screen)."""

    center: NDArray[np.float64]
    side: float
    angle: float

    def to_image(self) -> NDArray[np.float64]:
        """(2, 3) affine from fractions of the square to pixels of the frame."""
        turn = rotation(self.angle) * self.side
        return np.column_stack([turn, self.center - turn @ [0.5, 0.5]])


@dataclass(frozen=True)
class Landmarks:
    """What the landmark network says in one region.

    Attributes:
        keypoints: (21, 2), pixels of the frame.
        world: (21, 3), metres, axes of the frame.
        presence: probability of a hand.
        right: probability that the patch as given shows a right hand.
        region: where the network looked.
    """

    keypoints: NDArray[np.float64]
    world: NDArray[np.float64]
    presence: float
    right: float
    region: Region


def rotation(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _upright(towards_fingers: NDArray[np.floating]) -> float:
    """The angle that turns the picture's up axis into the given direction."""
    return float(np.arctan2(towards_fingers[0], -towards_fingers[1]))


def region_from_palm(palm: PalmDetection) -> Region:
    angle = _upright(palm.keypoints[2] - palm.keypoints[0])
    size = palm.box[2:] - palm.box[:2]
    center = (palm.box[:2] + palm.box[2:]) / 2 + rotation(angle) @ [0, -0.5 * size[1]]
    return Region(center.astype(float), 2.6 * float(size.max()), angle)


def region_from_landmarks(keypoints: NDArray[np.floating]) -> Region:
    knuckles = (keypoints[5] + keypoints[13]) / 4 + keypoints[9] / 2
    angle = _upright(knuckles - keypoints[0])
    turn = rotation(angle)
    turned = keypoints[REGION_JOINTS] @ turn
    low, high = turned.min(0), turned.max(0)
    height = high[1] - low[1]
    center = turn @ ((low + high) / 2 + [0, -0.1 * height])
    return Region(center, 2.0 * float((high - low).max()), angle)


class MediaPipeReference:
    """Runs the landmark network in regions of a frame, and follows one hand through a video."""

    def __init__(self, palm_path: Path, landmark_path: Path) -> None:
        self.detector = PalmDetector(palm_path)
        self._network = OnnxNetwork(landmark_path, 1, "landmark network")
        self.detector_calls = 0

    def landmarks(self, frame_rgb: NDArray[np.uint8], region: Region) -> Landmarks:
        # Pixel centres lie at half numbers: fraction (i + 0.5) / PATCH of the region falls on pixel coordinate p + 0.5.
        affine = region.to_image()
        matrix = np.column_stack([affine[:, :2] / PATCH, affine[:, :2] @ [0.5 / PATCH, 0.5 / PATCH] + affine[:, 2] - 0.5])
        patch = cv2.warpAffine(
            frame_rgb, matrix, (PATCH, PATCH), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
        image = np.ascontiguousarray(patch.transpose(2, 0, 1)[None], np.float32) / 255
        names = ["landmarks", "presence", "handedness", "world_landmarks"]
        screen, presence, right, world = self._network.run(names, image)
        fractions = screen.reshape(21, 3)[:, :2] / PATCH
        keypoints = fractions @ affine[:, :2].T + affine[:, 2]
        world = world.reshape(21, 3).astype(float)
        world[:, :2] = world[:, :2] @ rotation(region.angle).T
        return Landmarks(keypoints, world, presence.item(), right.item(), region)

    def detect(self, frame_rgb: NDArray[np.uint8], max_hands: int = 1) -> list[Landmarks]:
        """The hands of one unrelated picture."""
        self.detector_calls += 1
        hands = [self.landmarks(frame_rgb, region_from_palm(palm)) for palm in self.detector.detect(frame_rgb, max_hands)]
        return [hand for hand in hands if hand.presence >= PRESENT]

    def follow(self, frames_rgb: Iterable[NDArray[np.uint8]]) -> Iterator[Landmarks | None]:
        """One hand through a video: the detector looks only while no hand is followed."""
        region: Region | None = None
        for frame in frames_rgb:
            if region is not None:
                hand: Landmarks | None = self.landmarks(frame, region)
            else:
                hand = next(iter(self.detect(frame)), None)
            present = hand is not None and hand.presence >= PRESENT
            region = region_from_landmarks(hand.keypoints) if hand is not None and present else None
            yield hand if present else None
