"""What cameras, light and things in the way do to a patch: random changes of uint8 RGB pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import FloatArray

Picture = NDArray[np.uint8]

FRAME_NOISE = 4.0  # of 255: noises from one video frame to the next have standard deviations drawn below this


def photometric(patch: Picture, rng: np.random.Generator) -> Picture:
    """Colour, contrast, sharpness, noise and compression of another camera."""
    if rng.random() < 0.5:
        patch = _blur(patch, rng)
    gain = np.exp(rng.normal(0, 0.25)) * (1 + rng.normal(0, 0.06, 3))
    curve = (np.arange(256) / 255) ** np.exp(rng.normal(0, 0.2))
    x = cv2.LUT(patch, (curve[:, None] * gain).astype(np.float32)[None])
    saturation = 0.0 if rng.random() < 0.06 else np.exp(rng.normal(0, 0.3))
    mix = saturation * np.eye(3) + (1 - saturation) * np.array([0.299, 0.587, 0.114])
    if rng.random() < 0.2:
        mix = _hue_turn(rng.normal(0, 0.35)) @ mix
    contrast = np.exp(rng.normal(0, 0.2))
    middle = mix @ x.mean((0, 1))
    x = cv2.transform(x, np.column_stack((contrast * mix, (1 - contrast) * middle.mean() * np.ones(3))))
    if rng.random() < 0.2:  # light that falls off across the patch
        ramp = np.linspace(-0.5, 0.5, len(x), dtype=np.float32)
        slope = rng.normal(0, 0.5, 2).astype(np.float32)
        x = x * np.maximum(1 + slope[0] * ramp[:, None, None] + slope[1] * ramp[None, :, None], 0.1)
    if rng.random() < 0.5:
        x = x + rng.standard_normal(x.shape, np.float32) * np.float32(rng.uniform(0.003, 0.04))
    result = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
    return _compressed(result, rng) if rng.random() < 0.2 else result


def next_frame(patch: Picture, rng: np.random.Generator) -> Picture:
    """The same in the next video frame: other sensor noise, a little sharper or softer, brighter or darker, and the codec's marks."""
    x = patch.astype(np.float32)
    if rng.random() < 0.5:  # below 0 sharpens
        x += np.float32(rng.uniform(-0.5, 1.0)) * (cv2.GaussianBlur(x, (0, 0), 0.8) - x)
    x *= np.float32(np.exp(rng.normal(0, 0.015)))
    x += np.float32(rng.uniform(0, FRAME_NOISE)) * rng.standard_normal(x.shape, np.float32)
    cells = rng.standard_normal((int(rng.integers(8, 33)),) * 2 + (3,), np.float32)  # what the codec changes has no fine grain
    x += np.float32(rng.uniform(0, FRAME_NOISE)) * cv2.resize(cells, x.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    result = np.rint(np.clip(x, 0, 255)).astype(np.uint8)
    return _compressed(result, rng) if rng.random() < 0.5 else result


def occlude(patch: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """Put a rectangle or an ellipse over a part of the patch: of one colour, or cut out of another picture."""
    size = len(patch)
    width, height = (rng.uniform(0.1, 0.4, 2) * size).astype(int)
    x, y = (int(v) for v in rng.uniform(0, size, 2))
    mask = np.zeros(patch.shape[:2], np.uint8)
    if rng.random() < 0.5:
        cv2.rectangle(mask, (x - width // 2, y - height // 2), (x + width // 2, y + height // 2), 1, -1)
    else:
        cv2.ellipse(mask, (x, y), (width // 2, height // 2), float(rng.uniform(0, 180)), 0, 360, 1, -1)
    cover = other if rng.random() < 0.6 else np.broadcast_to(rng.integers(0, 256, 3, dtype=np.uint8), patch.shape)
    return np.where(mask[..., None] > 0, cover, patch)


def covered(patch: Picture, keypoints: FloatArray, other: Picture) -> Picture:
    """The patch with all of the hand, keypoints (21, 2) in its pixels, under another picture."""
    flesh = 0.12 * float(np.ptp(keypoints, axis=0).max())
    hull = cv2.convexHull(np.rint(keypoints).astype(np.int32))
    mask = cv2.fillConvexPoly(np.zeros(patch.shape[:2], np.uint8), hull, 1)
    cv2.polylines(mask, [hull], True, 1, thickness=max(1, round(2 * flesh)))
    return np.where(mask[..., None] > 0, other, patch)


def _blur(x: Picture, rng: np.random.Generator) -> Picture:
    kind = rng.random()
    size = x.shape[0]
    if kind < 0.4:  # a hand that was small in the picture
        small = int(size * rng.uniform(0.25, 0.8))
        down = cv2.resize(x, (small, small), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(down, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)
    if kind < 0.75:
        return np.asarray(cv2.GaussianBlur(x, (0, 0), rng.uniform(0.3, 1.6)), np.uint8)
    length, angle = int(rng.integers(3, 10)), rng.uniform(0, np.pi)
    kernel = np.zeros((length, length), np.float32)
    reach = (length - 1) / 2 * np.array([np.cos(angle), np.sin(angle)])
    middle = (length - 1) / 2
    start, end = (tuple(int(v) for v in np.rint(middle + sign * reach)) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(cv2.filter2D(x, -1, kernel / kernel.sum()), np.uint8)


def _hue_turn(angle: float) -> NDArray[np.float32]:
    """(3, 3) rotation of RGB about grey."""
    axis = np.full(3, 1 / np.sqrt(3))
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turn.astype(np.float32)


def _compressed(patch: Picture, rng: np.random.Generator) -> Picture:
    ok, code = cv2.imencode(".jpg", patch, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))])
    decoded = cv2.imdecode(code, cv2.IMREAD_COLOR) if ok else None
    return patch if decoded is None else np.asarray(decoded, np.uint8)
