"""How mesh networks follow one hand through a video, in the same pipeline, frame by frame in turns."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import WRIST, FloatArray, Hand, TrackState
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.parameters import PipelineParameters
from handmesh_ros.perception.pipeline import HandPipeline
from handmesh_ros.sources import Frame


@dataclass(frozen=True, eq=False)
class Following:
    """One network on one video.

    Attributes:
        frames: in the video; found: (frames,) bool, a hand was measured.
        joint_acceleration: mean second difference of the raw 3D joints relative to the wrist, mm per frame squared: what is not the
            hand's own movement is jitter. wrist_acceleration: likewise of the raw wrist.
        frame_ms: median processor time of the calling thread a frame, for everything between picture and hand.
    """

    frames: int
    found: NDArray[np.bool_]
    joint_acceleration: float
    wrist_acceleration: float
    frame_ms: float


def follow(frames: Iterable[Frame], camera: Camera, models: Sequence[str]) -> dict[str, Following]:
    """Show every frame to every model; the models' names or files are the keys.

    Raises:
        ModelError: a model is missing or broken.
    """
    pipelines = {model: HandPipeline.load(model, PipelineParameters.with_max_hands(1)) for model in models}
    hands: dict[str, list[Hand | None]] = {model: [] for model in models}
    seconds: dict[str, list[float]] = {model: [] for model in models}
    for frame in frames:
        for model, pipeline in pipelines.items():
            begin = time.thread_time()
            pipeline.process(frame.rgb, camera, frame.stamp_s)
            seconds[model].append(time.thread_time() - begin)
            measured = [hand for hand in pipeline.raw_hands if hand.state is TrackState.TRACKING]
            hands[model].append(measured[0] if measured else None)
    return {model: _summary(hands[model], seconds[model]) for model in models}


def _summary(hands: list[Hand | None], seconds: list[float]) -> Following:
    found = np.array([hand is not None for hand in hands])
    joints = np.array([np.full((21, 3), np.nan) if hand is None else hand.joints for hand in hands])
    relative = np.delete(joints - joints[:, WRIST : WRIST + 1], WRIST, axis=1)
    return Following(len(hands), found, _acceleration(relative), _acceleration(joints[:, WRIST]), 1e3 * float(np.median(seconds)))


def _acceleration(points: FloatArray) -> float:
    """Mean length of second differences over time (axis 0), mm; frames without a hand, and their neighbours, are left out."""
    lengths = np.linalg.norm(np.diff(points, n=2, axis=0), axis=-1)
    return 1e3 * float(np.nanmean(lengths)) if np.isfinite(lengths).any() else float("nan")
