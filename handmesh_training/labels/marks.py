"""From a teacher's marks to joints: where networks and annotators mark a joint is not where its bones turn."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import MIDDLE_MCP, WRIST, FloatArray
from handmesh_training.template.hand_template import bone_sum

MARKED_ROOTS = np.array([5, 9, 13, 17])
# Marks of finger roots lie this far towards the fingers, of the sum of all bones (of a hand of 0.8 m: 6 mm). 583 pictures with measured
# joints are nearest with 6 to 8 mm; the wrist is marked behind where hands turn, 7.6 mm on renders (MARK_OFFSETS_MM of fitter.py).
ROOT_ADVANCE, WRIST_RETREAT = 0.0075, 0.0095


def joints_of_marks(marks: FloatArray) -> FloatArray:
    """Joints where bones turn, of marks (..., 21, 3) whose bones have the sum 1; relative to the wrist, their bones' sum 1 again."""
    joints = marks + _offsets(marks)
    joints -= joints[..., :1, :]
    return joints / bone_sum(joints)[..., None, None]


def keypoints_of_marks(keypoints: FloatArray, marks: FloatArray) -> FloatArray:
    """Where joints are seen, pixels (..., 21, 2), of marked keypoints and the same marks in space, axes of the picture, as above."""
    centred = keypoints - keypoints.mean(axis=-2, keepdims=True)
    flat = marks[..., :2] - marks[..., :2].mean(axis=-2, keepdims=True)
    scale = (centred * flat).sum((-2, -1), keepdims=True) / np.maximum((flat * flat).sum((-2, -1), keepdims=True), 1e-9)
    return np.asarray(keypoints + scale * _offsets(marks)[..., :2])


def _offsets(marks: FloatArray) -> FloatArray:
    """From marks to joints, (..., 21, 3)."""
    offsets = np.zeros(marks.shape)
    along = marks[..., MARKED_ROOTS + 1, :] - marks[..., MARKED_ROOTS, :]
    offsets[..., MARKED_ROOTS, :] = -ROOT_ADVANCE * _directions(along)
    offsets[..., WRIST, :] = WRIST_RETREAT * _directions(marks[..., MIDDLE_MCP, :] - marks[..., WRIST, :])
    return offsets


def _directions(vectors: FloatArray) -> FloatArray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
