"""What a source is: frames in order, each with its own time, and an account of what was left out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import HandmeshError
from handmesh_ros.perception.camera import Camera

DEFAULT_RATE = 30.0  # of pictures and of devices that do not tell theirs, Hz

NAMED = 10  # parts of the input that are named of those left out for one reason
UNDECODABLE = "damaged: cannot be decoded"
NO_MORE = "no picture, though the film is longer"
NOTHING_DECODED = "no frame of this video can be decoded; play it to see whether it is whole"


class SourceError(HandmeshError, ValueError):
    """The input cannot be read; the message names it and says what to do."""


class RawMessage(NamedTuple):
    """A message as a ROS recording holds it: type such as ``tf2_msgs/msg/TFMessage``, time of its arrival, CDR."""

    topic: str
    type_name: str
    time_ns: int
    data: bytes


class Frame(NamedTuple):
    """One picture: its number in the recording from 0, its time in seconds, and (H, W, 3) uint8 RGB.

    A ROS recording also tells the name of the camera's frame, the camera where it is calibrated, and the transforms that came since the
    frame before.
    """

    number: int
    stamp_s: float
    rgb: NDArray[np.uint8]
    frame_id: str = "camera_optical_frame"
    camera: Camera | None = None
    transforms: Sequence[RawMessage] = ()


class LeftOut(NamedTuple):
    """A part of the input that gave no frame: which one ("frame 29", "hand/x.png"), and why."""

    what: str
    why: str


def account(left_out: Sequence[LeftOut]) -> str:
    """What was left out, for people: a line for each reason, each after a line break; empty where nothing was."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for what, why in left_out:
        reasons[why].append(what)
    lines = ""
    for why, whats in reasons.items():
        more = f" and {len(whats) - NAMED} more" if len(whats) > NAMED else ""
        lines += f"\n  {len(whats)} left out, {why}: {', '.join(whats[:NAMED])}{more}"
    return lines


def nothing_read(name: object, left_out: Sequence[LeftOut]) -> str:
    """The error of an input that gave no frame at all, and why."""
    return f"{name}: no frame could be read{account(left_out)}"


class FrameSource(ABC):
    """Yields frames in order; iterate again to start again (a camera just goes on).

    What is broken is left out and the rest goes on: numbers and stamps then have a gap.

    Attributes:
        name: what the user gave.
        files: what is read; nothing may be written over these.
        rate: frames a second, nominal.
        frame_count: number of frames, None where it is unknown.
        is_live: True for a camera: frames come when they come and stamps are wall-clock time; otherwise stamps begin at 0,
            but for ROS recordings, which keep theirs.
        is_single: True for one picture.
        uncalibrated: why frames come without a camera.
        left_out: what gave no frame since the iteration began.
    """

    name: str
    files: Sequence[Path] = ()
    rate: float = DEFAULT_RATE
    frame_count: int | None = None
    is_live: bool = False
    is_single: bool = False
    uncalibrated: str = "camera not calibrated"

    def __init__(self, name: str) -> None:
        self.name = name
        self.left_out: list[LeftOut] = []

    def __iter__(self) -> Iterator[Frame]:
        self.left_out.clear()
        return self._frames()

    @abstractmethod
    def _frames(self) -> Iterator[Frame]:
        """The frames from the first one on; appends to ``left_out`` what gives none."""

    def close(self) -> None:  # noqa: B027 - most sources hold nothing open
        """Let go of the device or file; harmless when repeated."""
