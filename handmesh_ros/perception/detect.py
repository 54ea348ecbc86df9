"""Finds palms in a frame: runs MediaPipe's palm detector (a single-shot detector with anchors) and makes sense of its raw outputs.

The network's file has input ``image`` float32 (1, 3, S, S), RGB 0..1, and outputs ``boxes`` (1, A, 18), for each anchor the offset of the
box's centre, its width and height and seven keypoints (all in pixels of the input), and ``scores`` (1, A, 1), logits.
The method is that of MediaPipe's hand graph: anchors by formula, a threshold on the score, non-maximum suppression that averages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.crop import CropRegion, check_picture, up_angle
from handmesh_ros.perception.onnx_session import OnnxNetwork

# (stride in pixels, anchors a cell) of the network's two output grids.
ANCHOR_GRIDS = ((8, 2), (16, 6))
KEYPOINT_COUNT = 7
PALM_OUTPUTS = ("boxes", "scores")
MERGE_IOU = 0.3  # palms that overlap more than this are one palm (source: palm_detection's min_suppression_threshold)

# The second look, for hands that fill the picture: the network misses those, it was trained on palms that take a smaller part.
# Chosen by hand; models/README.md has what the detector finds with it.
RETRY_MARGIN = 0.25
RETRY_THRESHOLD = 0.3
RETRY_LEAST_SIZE = 0.25  # of the frame's longer side: anything smaller is no hand that fills the picture
# It is made where the first look saw an inkling of so large a palm, a candidate with this score. Measured on 600 tight crops of real hands:
# so 49 of the 52 that only the second look finds are found, and it is made in 2 of 20 pictures and in 0 of 320 frames without a hand.
RETRY_INKLING = 0.02

# MediaPipe's palm rule: hand_detector_to_hand_landmark's RectTransformation.
PALM_SCALE = 2.6
PALM_SHIFT = -0.5
PALM_WRIST, PALM_MIDDLE_MCP = 0, 2


@dataclass(frozen=True, eq=False)
class PalmDetection:
    """A palm in a frame.

    Attributes:
        box: (4,), x0, y0, x1, y1 in pixels of the frame; may reach outside it.
        keypoints: (7, 2), pixels: wrist, index mcp, middle mcp, ring mcp, little mcp, thumb cmc, thumb mcp.
        score: probability of a palm, 0..1.
    """

    box: FloatArray
    keypoints: FloatArray
    score: float


class PalmDetector:
    """A loaded palm detector.

    Attributes:
        calls: how often palms were asked for; looks: how often the network ran for it.

    Raises:
        ModelContractError: the file cannot be loaded or is no palm detector of this kind.
    """

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        self._network = OnnxNetwork(path, threads, "palm detector")
        self.path, self.input_size = self._network.path, self._network.input_size
        self._check()
        self._anchors = make_anchors(self.input_size)
        self._input = np.zeros((1, 3, self.input_size, self.input_size), np.float32)
        self.calls = self.looks = 0

    def detect(
        self, frame_rgb: NDArray[np.uint8], max_hands: int = 2, threshold: float = 0.5, second_look: bool = True
    ) -> list[PalmDetection]:
        """Find the palms of a frame, surest first.

        Args:
            frame_rgb: (H, W, 3) uint8, any size.
            max_hands: how many palms to return at most.
            threshold: least score.
            second_look: whether to look again where a palm may fill the picture; that takes as long as the first look.

        Raises:
            CropError: the frame is not an RGB picture.
        """
        check_picture(frame_rgb)
        self.calls += 1
        palms, inkling = self._look(frame_rgb, 0.0, threshold)
        if second_look and not palms and inkling >= RETRY_INKLING:
            least = RETRY_LEAST_SIZE * max(frame_rgb.shape)
            again, _ = self._look(frame_rgb, RETRY_MARGIN, min(threshold, RETRY_THRESHOLD))
            palms = [palm for palm in again if palm.box[2] - palm.box[0] >= least]
        return palms[:max_hands]

    def _look(self, frame_rgb: NDArray[np.uint8], margin: float, threshold: float) -> tuple[list[PalmDetection], float]:
        """One run of the network on the frame with ``margin`` times its size added on every side.

        Returns:
            The palms, surest first, and the best score of any candidate that takes ``RETRY_LEAST_SIZE`` of the frame.
        """
        scale, offset = self._letterbox(frame_rgb, margin)
        boxes, logits = self._network.run(PALM_OUTPUTS, self._input)
        self.looks += 1
        scores = sigmoid(logits[0, :, 0])
        chosen = scores >= threshold
        points = decode(boxes[0][chosen], self._anchors[chosen])
        palms = [
            PalmDetection(((merged[:2] - offset) / scale).reshape(4), (merged[2:] - offset) / scale, score)
            for merged, score in suppress(points, scores[chosen])
        ]
        large = boxes[0, :, 2] >= RETRY_LEAST_SIZE * scale * max(frame_rgb.shape)
        return palms, float(scores[large].max(initial=0.0))

    def _letterbox(self, frame_rgb: NDArray[np.uint8], margin: float) -> tuple[float, FloatArray]:
        """Fill the input with the frame, scaled to fit and centred; returns scale and offset: input = frame * scale + offset."""
        height, width = frame_rgb.shape[:2]
        side = self.input_size / (1 + 2 * margin)
        new_width, new_height = (max(1, round(side * n / max(width, height))) for n in (width, height))
        left, top = (self.input_size - new_width) // 2, (self.input_size - new_height) // 2
        # Averaging where the frame is reduced: plain bilinear sampling of a large frame skips pixels and sees noise.
        method = cv2.INTER_AREA if new_width < width else cv2.INTER_LINEAR
        small = cv2.resize(frame_rgb, (new_width, new_height), interpolation=method)
        self._input.fill(0)
        np.multiply(small.transpose(2, 0, 1), np.float32(1 / 255), out=self._input[0, :, top : top + new_height, left : left + new_width])
        return side / max(width, height), np.array([left, top], np.float32)

    def _check(self) -> None:
        count = sum((self.input_size // stride) ** 2 * number for stride, number in ANCHOR_GRIDS)
        if self._network.outputs != {"boxes": [1, count, 18], "scores": [1, count, 1]}:
            raise self._network.broken(f"its outputs are {self._network.outputs}")
        self._network.try_out(PALM_OUTPUTS)


def region_from_palm(palm: PalmDetection, mirror: bool = False) -> CropRegion:
    """MediaPipe's square around the whole hand, from its palm detection.

    Upright by wrist -> middle mcp, moved half a box height towards the fingers, 2.6 times the box's longer side.
    (Source: mediapipe/modules/hand_landmark/palm_detection_detection_to_roi.pbtxt.)

    Raises:
        CropError: the box is not finite or has no size.
    """
    x0, y0, x1, y1 = (float(value) for value in palm.box)
    angle = up_angle(*(palm.keypoints[PALM_MIDDLE_MCP] - palm.keypoints[PALM_WRIST]).tolist())
    shift = PALM_SHIFT * (y1 - y0) * np.array([-math.sin(angle), math.cos(angle)])
    center = np.array([(x0 + x1) / 2, (y0 + y1) / 2]) + shift
    return CropRegion(center, PALM_SCALE * max(x1 - x0, y1 - y0), angle, mirror)


def make_anchors(input_size: int) -> FloatArray:
    """Centres of the anchors, (A, 2) float32, pixels of the input, in the order of the network's outputs: grid by grid, row by row."""
    grids = []
    for stride, number in ANCHOR_GRIDS:
        centres = (np.arange(input_size // stride, dtype=np.float32) + 0.5) * stride
        x, y = np.meshgrid(centres, centres)
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], 1), number, axis=0))
    return np.concatenate(grids)


def sigmoid(logits: FloatArray) -> FloatArray:
    """Probabilities of logits, any shape."""
    return 1 / (1 + np.exp(-np.clip(logits, -80, 80)))  # beyond that float32 overflows


def decode(raw: FloatArray, anchors: FloatArray) -> FloatArray:
    """Raw outputs (N, 18) and their anchors (N, 2) to points (N, 9, 2), pixels of the input: two box corners, seven keypoints."""
    centre = raw[:, :2] + anchors
    half = raw[:, 2:4] / 2
    keypoints = raw[:, 4:].reshape(-1, KEYPOINT_COUNT, 2) + anchors[:, None]
    return np.concatenate([(centre - half)[:, None], (centre + half)[:, None], keypoints], axis=1)


def suppress(points: FloatArray, scores: FloatArray) -> list[tuple[FloatArray, float]]:
    """Non-maximum suppression that averages: candidates overlapping the best are merged into it, weighted by score.

    Args:
        points: (N, 9, 2), the box's corners first.
        scores: (N,).

    Returns:
        (points (9, 2), best score) of each palm, best first.
    """
    order = np.argsort(-scores, kind="stable")
    points, scores = points[order], scores[order]
    merged = []
    while len(points):
        together = box_iou(points[0, :2].reshape(4), points[:, :2].reshape(-1, 4)) > MERGE_IOU
        together[0] = True  # a box without area overlaps nothing, not even itself
        weights = scores[together]
        merged.append((np.tensordot(weights / weights.sum(), points[together], axes=1), float(scores[0])))
        points, scores = points[~together], scores[~together]
    return merged


def box_iou(box: FloatArray, boxes: FloatArray) -> FloatArray:
    """Intersection over union of one box (4,) with boxes (N, 4), each x0, y0, x1, y1; (N,)."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1)
    area = np.prod(np.clip(box[2:] - box[:2], 0, None))
    overlaps: FloatArray = common / np.maximum(area + areas - common, 1e-9)
    return overlaps
