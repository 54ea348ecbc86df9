"""A folder of crops as training reads it, with labels that a test makes up."""

from pathlib import Path

import cv2
import numpy as np

SIDE = 64


def made_up_labels(count: int, keypoints: np.ndarray | None = None, right: float = 0.9) -> dict[str, np.ndarray]:
    """Valid labels; the second opinion differs from the first by 2 pixels in x."""
    rng = np.random.default_rng(count)
    uv = rng.uniform(16, 48, (count, 21, 2)) if keypoints is None else keypoints
    world = rng.normal(0, 0.05, (count, 21, 3))
    return {
        "names": np.array([f"someone/{row:05d}.jpg" for row in range(count)]), "source_path": np.array(["a.mp4"] * count),
        "source": np.zeros(count, np.int16), "source_names": np.array(["someone"]),
        "group": np.zeros(count, np.int16), "group_names": np.array(["someone:1"]), "split": np.zeros(count, np.int8),
        "uv": uv.astype(np.float32), "uv_mirror": (uv + [2, 0]).astype(np.float32), "z": np.zeros((count, 21), np.float32),
        "world": world.astype(np.float32), "world_mirror": world.astype(np.float32),
        "presence": np.full(count, 0.99, np.float32), "right": np.full(count, right, np.float32),
        "right_mirror": np.full(count, right, np.float32), "stability": np.full(count, 0.03, np.float32),
        "mirror_gap": np.full(count, 0.04, np.float32), "side": np.full(count, SIDE, np.int16),
        "box": np.zeros((count, 4), np.float32), "crop": np.zeros((count, 3), np.float32),
        "content": np.tile(np.float32([0, 0, SIDE, SIDE]), (count, 1)),
    }  # fmt: skip


def write_crops(folder: Path, labels: dict[str, np.ndarray]) -> None:
    """Write labels and, for each name, a picture of noise with the size that the labels say."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "labels.npz", **labels)
    rng = np.random.default_rng(0)
    for name, side in zip(labels["names"], labels["side"], strict=True):
        path = folder / str(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 255, (side, side, 3), np.uint8))
