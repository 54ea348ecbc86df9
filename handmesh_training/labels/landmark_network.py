"""Runs the landmark network over crops and writes down what it says: the input that the lifting is trained on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import onnxruntime as ort

from handmesh_ros.hand import JOINT_COUNT, FloatArray
from handmesh_ros.provision.compose import PATCH_SIZE


@dataclass(frozen=True, eq=False)
class Observations:
    """What the network said of N patches.

    Attributes:
        landmarks: (N, 21, 3): x and y as fractions of the patch, z in the same unit, wrist near 0, larger = farther away.
        world: (N, 21, 3) metres, crop axes, origin near the middle of the hand.
        presence: (N,) probability of a hand; right: (N,) that the patch as given shows a right hand.
    """

    landmarks: FloatArray
    world: FloatArray
    presence: FloatArray
    right: FloatArray

    @classmethod
    def join(cls, parts: list[Observations]) -> Observations:
        return cls(**{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)})


class LandmarkNetwork:
    """MediaPipe's hand landmark network, converted (``models/hand_landmark.onnx``)."""

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def observe(self, patches: FloatArray) -> Observations:
        """(N, 3, 224, 224) float32 patches, RGB 0..1."""
        names = ["landmarks", "world_landmarks", "presence", "handedness"]
        results = [self._session.run(names, {"image": patch[None]}) for patch in patches]
        landmarks, world, presence, right = (np.concatenate([result[k] for result in results]) for k in range(4))
        return Observations(
            landmarks=landmarks.reshape(-1, JOINT_COUNT, 3) / PATCH_SIZE,
            world=world.reshape(-1, JOINT_COUNT, 3),
            presence=presence[:, 0],
            right=right[:, 0],
        )
