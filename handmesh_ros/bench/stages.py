"""What each stage of perception costs on a clip, offline and on one core."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path

from handmesh_ros.errors import InputError
from handmesh_ros.perception import Camera, HandPipeline, PipelineParameters
from handmesh_ros.provision import DEFAULT_MODEL
from handmesh_ros.sources import open_source

GEOMETRY = ("place", "frames", "track", "estimate")


@dataclass(frozen=True)
class StageCosts:
    """Median milliseconds of each stage over the frames in which one hand was followed; ``detect_ms`` of the frames with a search."""

    stages_ms: dict[str, float]
    detect_ms: float
    detector_calls: int
    frames: int

    @property
    def geometry_ms(self) -> float:
        """Placement, joint frames, tracking and the estimate over time together."""
        return sum(self.stages_ms.get(stage, 0.0) for stage in GEOMETRY)

    def table(self) -> str:
        lines = [f"  {name:<34}{value:>9.3f} ms" for name, value in self.stages_ms.items()]
        lines.append(f"  {'place + frames + track + estimate':<34}{self.geometry_ms:>9.3f} ms")
        lines.append(f"  {'palm detector, when it runs':<34}{self.detect_ms:>9.3f} ms ({self.detector_calls} of {self.frames} frames)")
        return "\n".join(lines)


def measure_stages(clip: Path, camera: Camera, model: str = DEFAULT_MODEL, most_frames: int = 10_000) -> StageCosts:
    """Run the pipeline over a clip as fast as it goes.

    Raises:
        InputError: no hand was followed in it.
    """
    pipeline = HandPipeline.load(model, PipelineParameters.with_max_hands(1))
    followed: list[dict[str, float]] = []
    detections: list[float] = []
    frames = 0
    for frame in open_source(str(clip)):
        hands = pipeline.process(frame.rgb, camera, frame.stamp_s)
        frames += 1
        seconds = pipeline.stage_seconds
        if "detect" in seconds:
            detections.append(seconds["detect"])
        elif len(hands) == 1:
            followed.append(seconds)
        if frames == most_frames:
            break
    if not followed or not detections:
        raise InputError(f"{clip}: no hand was followed in this clip, so there is nothing to measure")
    names = dict.fromkeys(name for seconds in followed for name in seconds)
    medians = {name: 1e3 * statistics.median(seconds.get(name, 0.0) for seconds in followed) for name in names}
    return StageCosts(medians, 1e3 * statistics.median(detections), pipeline.detector_calls, frames)
