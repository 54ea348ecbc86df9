"""A look at a labelled picture: the crop that a tracker would take, with its errors, and the labels in that crop's axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import BONES, FloatArray
from handmesh_ros.perception.crop import CropRegion, region_from_keypoints
from handmesh_ros.training.mobrecon.photometric import Picture


@dataclass(frozen=True)
class Jitter:
    """Errors of a tracker's crop: standard deviations of angle (degrees), centre and log size (parts of the crop's side), and the
    shares of crops that are turned by anything up to ``wide_angle`` and that are as wide as those of the palm detector."""

    angle: float = 12.0
    shift: float = 0.04
    zoom: float = 0.10
    turned_share: float = 0.15
    wide_angle: float = 90.0
    wide_share: float = 0.12
    wide_zoom: float = 1.7


TRAINING = Jitter()
TRACKER = Jitter(angle=5.0, shift=0.02, zoom=0.05, turned_share=0.0, wide_share=0.0)
EXACT = Jitter(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
NEXT_FRAME = Jitter(angle=2.0, shift=0.01, zoom=0.02, turned_share=0.0, wide_share=0.0)

BONE_ENDS = np.array(BONES)
TRIES = 30  # at a region without the hand


def look(keypoints: FloatArray, crop_scale: float, jitter: Jitter, rng: np.random.Generator) -> CropRegion:
    """The region around keypoints (21, 2) in pixels, as the runtime cuts it, with the errors of ``jitter``."""
    return moved(region_from_keypoints(keypoints, crop_scale), jitter, rng)


def moved(region: CropRegion, jitter: Jitter, rng: np.random.Generator) -> CropRegion:
    """The region with the errors of ``jitter``."""
    angle = np.radians(rng.normal(0, jitter.angle))
    if rng.random() < jitter.turned_share:
        angle = np.radians(rng.uniform(-jitter.wide_angle, jitter.wide_angle))
    zoom = float(np.exp(rng.normal(0, jitter.zoom)))
    shift = rng.normal(0, jitter.shift, 2)
    if rng.random() < jitter.wide_share:
        zoom *= float(rng.uniform(1.0, jitter.wide_zoom))
        shift *= 2
    return CropRegion(region.center + shift * region.size, region.size * zoom, region.angle + angle, region.mirror)


def beside(keypoints: FloatArray, content: FloatArray, rng: np.random.Generator) -> CropRegion | None:
    """A region around somewhere in a picture's content (x0, y0, x1, y1) that shows nothing of the hand, keypoints (21, 2) in pixels.

    None if none is found.
    """
    extent = float(np.ptp(keypoints, axis=0).max())
    along = np.linspace(0, 1, 6)[:, None, None]
    hand = np.concatenate((1 - along) * keypoints[BONE_ENDS[:, 0]] + along * keypoints[BONE_ENDS[:, 1]])
    for _ in range(TRIES):
        size = extent * rng.uniform(0.25, 0.9)
        center = rng.uniform(content[:2], content[2:])
        region = CropRegion(center, size, rng.uniform(-np.pi, np.pi), bool(rng.random() < 0.5))
        flesh = 0.12 * extent / size
        shown = region.to_patch(hand)
        if ((shown < -flesh) | (shown > 1 + flesh)).any(axis=1).all():
            return region
    return None


def cut(image: Picture, region: CropRegion, size: int, content: FloatArray, filling: Callable[[], Picture] | None) -> Picture:
    """The patch (S, S, 3); outside the content it shows what ``filling`` gives (S, S, 3), or black as at the runtime's image border."""
    matrix = region.matrix(size)
    patch = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
    x0, y0, x1, y1 = (int(v) for v in np.rint(content))
    corners = region.to_patch(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) - 0.5) * size - 0.5
    mask = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(mask, np.rint(corners).astype(np.int32), 1)
    if mask.all():
        return np.asarray(patch, np.uint8)
    outside = np.zeros_like(patch) if filling is None else filling()
    return np.where(mask[..., None] > 0, patch, outside)


def turned(vertices: NDArray[np.floating], region: CropRegion) -> FloatArray:
    """Points (P, 3) in the picture's axes, in those of the crop."""
    points = np.asarray(vertices, np.float32).copy()
    points[:, :2] = points[:, :2] @ region.axes.astype(np.float32)
    return points
