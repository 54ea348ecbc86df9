"""What the geometry of one hand and frame costs, stage by stage, on one core."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from handmesh_ros.hand import FloatArray, Side
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.crop import extract_patch, region_from_keypoints
from handmesh_ros.perception.frames import joint_rotations
from handmesh_ros.perception.place import place

PATCH_SIZE = 224
# A right hand, half open, relative to the wrist, camera axes, metres: finger roots, and where their bones point.
ROOTS = np.array([[-0.03, -0.02, 0.01], [-0.025, -0.09, 0.0], [0.0, -0.095, 0.0], [0.02, -0.09, 0.0], [0.04, -0.08, 0.0]])
BONES_M = (0.042, 0.028, 0.023)


@dataclass(frozen=True)
class StageCost:
    """Microseconds of one stage, over many runs."""

    name: str
    best_us: float
    median_us: float


def measure_stages(repeats: int = 2000) -> list[StageCost]:
    """Crop, undistortion, placement and joint frames of one hand in a 640x480 frame of a camera with distortion."""
    K = np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]])
    camera = Camera(640, 480, K, np.array([-0.3, 0.1, 0.001, -0.002, 0.02]))
    frame = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    joints = _half_open_hand()
    keypoints = camera.project(joints + (0.08, 0.05, 0.6))
    rays = camera.normalize(keypoints)
    region = region_from_keypoints(keypoints, 1.6)
    patch = np.empty((1, 3, PATCH_SIZE, PATCH_SIZE), np.float32)
    stages: dict[str, Callable[[], object]] = {
        "crop": lambda: extract_patch(frame, region_from_keypoints(keypoints, 1.6), PATCH_SIZE, out=patch),
        "undistort": lambda: camera.normalize(keypoints),
        "axes": lambda: region.axes_in_camera(camera),
        "place": lambda: place(joints, rays, camera.focal_px, size_relative_sigma=0.08),
        "frames": lambda: joint_rotations(joints, Side.RIGHT),
    }
    return [_cost(name, stage, repeats) for name, stage in stages.items()]


def _cost(name: str, stage: Callable[[], object], repeats: int) -> StageCost:
    for _ in range(20):  # warm caches
        stage()
    times = sorted(_timed(stage, repeats))
    return StageCost(name, times[0] * 1e6, statistics.median(times) * 1e6)


def _timed(stage: Callable[[], object], repeats: int) -> Iterator[float]:
    for _ in range(repeats):
        start = time.perf_counter()
        stage()
        yield time.perf_counter() - start


def _half_open_hand() -> FloatArray:
    joints = np.zeros((21, 3))
    for finger, root in enumerate(ROOTS):
        direction = root / np.linalg.norm(root)
        joints[1 + 4 * finger] = point = root
        for bone, length in enumerate(BONES_M):
            bend = 0.4 * (bone + 1)
            point = point + length * (np.cos(bend) * direction + np.sin(bend) * np.array([0, 0, 1.0]))
            joints[2 + 4 * finger + bone] = point
    return joints


if __name__ == "__main__":
    for cost in measure_stages():
        print(f"{cost.name:<10} best {cost.best_us:7.1f} us   median {cost.median_us:7.1f} us")
