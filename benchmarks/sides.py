"""Hands over time on recorded clips: both hands on one side, identities, ghosts; and how long hands live that are none.

No labels are needed: each clip shows one person, and no picture of the negatives shows a hand.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import Hand, TrackState
from handmesh_ros.perception import Camera, HandPipeline
from handmesh_ros.sources import Frame, open_source, read_picture

HFOV_DEGREES = 65.0  # the clips' cameras are unknown
SAMPLINGS = ("every frame", "every third", "jumpy")
JUMPS = (1, 1, 2, 3, 5, 8)  # frames from one to the next of a jumpy clip
STILL_SIDE, STILL_RATE_HZ, STILL_SECONDS = 480, 10, 16


@dataclass(frozen=True)
class ClipFigures:
    """Of one person's clip.

    Attributes:
        frames: of the clip; hands: measured, over all frames; two: frames with two hands, predicted ones count.
        one_side: frames in which both are of one side.
        ids: how many names hands were given.
        ghost_s: the longest time that a hand was reported after it was measured last, and did not come back.
    """

    frames: int
    hands: int
    two: int
    one_side: int
    ids: int
    ghost_s: float


def kept_frames(count: int, sampling: str) -> list[int]:
    """The frames, of so many, that a sampling keeps."""
    if sampling == "every frame":
        return list(range(count))
    if sampling == "every third":
        return list(range(0, count, 3))
    steps = np.random.default_rng(1).choice(JUMPS, count)
    return [0, *(int(frame) for frame in np.cumsum(steps) if frame < count)]


def follow_clip(frames: Iterable[Frame], camera: Camera, pipeline: HandPipeline) -> ClipFigures:
    """A clip's figures; the pipeline forgets what it saw before."""
    pipeline.reset()
    history: list[tuple[float, list[Hand]]] = []
    for frame in frames:
        pipeline.process(frame.rgb, camera, frame.stamp_s)
        history.append((frame.stamp_s, list(pipeline.raw_hands)))
    several = [[hand.side for hand in hands] for _, hands in history if len(hands) > 1]
    return ClipFigures(
        frames=len(history),
        hands=sum(hand.state is TrackState.TRACKING for _, hands in history for hand in hands),
        two=len(several),
        one_side=sum(len(set(sides)) < len(sides) for sides in several),
        ids=len({hand.track_id for _, hands in history for hand in hands}),
        ghost_s=longest_ghost_s(history),
    )


def longest_ghost_s(history: Sequence[tuple[float, Sequence[Hand]]]) -> float:
    """The longest time that a hand was reported after it was measured last and before it was given up; hands that come back count not."""
    reports: dict[int, list[tuple[int, float, bool]]] = defaultdict(list)  # of each hand: frame, stamp, measured
    for number, (stamp_s, hands) in enumerate(history):
        for hand in hands:
            reports[hand.track_id].append((number, stamp_s, hand.state is TrackState.TRACKING))
    longest = 0.0
    for rows in reports.values():
        measured_s = rows[0][1]
        for row, after in itertools.zip_longest(rows, rows[1:]):
            number, stamp_s, is_measured = row
            measured_s = stamp_s if is_measured else measured_s
            if after is None or after[0] > number + 1:
                longest = max(longest, stamp_s - measured_s)
    return longest


def still_or_pan(picture_rgb: NDArray[np.uint8], pans: bool, seed: int) -> Iterator[Frame]:
    """Sixteen seconds of a picture: as it is, or seen by a camera that sways about it and goes nearer and farther."""
    side = picture_rgb.shape[0]
    border = cv2.copyMakeBorder(picture_rgb, side, side, side, side, cv2.BORDER_REFLECT)
    phase_x, phase_y, phase_zoom = np.random.default_rng(seed).uniform(0, 2 * np.pi, 3)
    for number in range(STILL_SECONDS * STILL_RATE_HZ):
        stamp_s = number / STILL_RATE_HZ
        zoom, x, y = 1.0, 0.0, 0.0
        if pans:
            zoom = 1.15 + 0.15 * np.sin(2 * np.pi * stamp_s / 11 + phase_zoom)
            x, y = 0.25 * np.sin(2 * np.pi * stamp_s / 8 + phase_x), 0.19 * np.sin(2 * np.pi * stamp_s / 6 + phase_y)
        scale = STILL_SIDE / (side * zoom)
        to_frame = np.array([[scale, 0, STILL_SIDE / 2 - scale * side * (1.5 + x)], [0, scale, STILL_SIDE / 2 - scale * side * (1.5 + y)]])
        yield Frame(number, stamp_s, np.asarray(cv2.warpAffine(border, to_frame, (STILL_SIDE, STILL_SIDE)), np.uint8))


def lives_s(frames: Iterable[Frame], camera: Camera, pipeline: HandPipeline) -> list[float]:
    """How long each hand was reported, from its first to its last frame."""
    pipeline.reset()
    seen: dict[int, list[float]] = defaultdict(list)
    for frame in frames:
        for hand in pipeline.process(frame.rgb, camera, frame.stamp_s):
            seen[hand.track_id].append(frame.stamp_s)
    return [stamps[-1] - stamps[0] for stamps in seen.values()]


def measure_sides(clips: Sequence[Path], negatives: Sequence[Path], pipeline: HandPipeline) -> None:
    """Print a line for each clip and sampling, and one for the pictures without a hand, still and panned over."""
    print(f"{'clip':<32}" + "".join(f"{name:>10}" for name in ("frames", "hands", "with two", "one side", "ids", "ghost, s")))
    for path in clips:
        frames = list(open_source(str(path)))
        height, width = frames[0].rgb.shape[:2]
        camera = Camera.from_hfov(width, height, HFOV_DEGREES)
        for sampling in SAMPLINGS:
            row = follow_clip((frames[number] for number in kept_frames(len(frames), sampling)), camera, pipeline)
            cells = (row.frames, row.hands, row.two, row.one_side, row.ids, f"{row.ghost_s:.2f}")
            print(f"{path.stem + ', ' + sampling:<32}" + "".join(f"{cell:>10}" for cell in cells), flush=True)
    camera = Camera.from_hfov(STILL_SIDE, STILL_SIDE, HFOV_DEGREES)
    for pans in (False, True):
        lives: list[float] = []
        for number, path in enumerate(negatives):
            picture = read_picture(path)
            lives += lives_s(still_or_pan(picture, pans, number), camera, pipeline)
        kind = "panned over" if pans else "still"
        print(
            f"{len(negatives)} pictures without a hand, {kind}, 16 s each: {len(lives)} hands, {max(lives, default=0.0):.2f} s the longest"
        )
