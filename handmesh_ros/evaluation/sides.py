"""Whether two hands of one person are ever taken for hands of the same side: on clips of one person each, no label is needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.pipeline import HandPipeline
from handmesh_ros.sources import Frame


@dataclass(frozen=True)
class SharedSides:
    """Of one clip: how many frames show two hands, in how many both are of one side, and the longest time on end that they are."""

    frames: int
    with_two: int
    on_one_side: int
    longest_s: float


def shared_sides(frames: Iterable[Frame], camera: Camera, pipeline: HandPipeline) -> SharedSides:
    """Follow a clip of one person with a pipeline that follows two hands; predicted hands count, as they are published."""
    stamps, two, shared = [], [], []
    pipeline.reset()
    for frame in frames:
        sides = [hand.side for hand in pipeline.process(frame.rgb, camera, frame.stamp_s)]
        stamps.append(frame.stamp_s)
        two.append(len(sides) > 1)
        shared.append(len(set(sides)) < len(sides))
    return SharedSides(len(stamps), sum(two), sum(shared), longest_run(shared, stamps))


def longest_run(flags: list[bool], stamps: list[float]) -> float:
    """How long flags are set without a break, seconds; each counts until the next frame."""
    longest, begin = 0.0, 0.0
    for index, flag in enumerate(flags):
        if flag and (index == 0 or not flags[index - 1]):
            begin = stamps[index]
        if flag:
            end = stamps[index + 1] if index + 1 < len(stamps) else 2 * stamps[index] - stamps[max(index - 1, 0)]
            longest = max(longest, end - begin)
    return longest
