"""Recorded hands of several cameras, fused: what ``handmesh fuse`` reads and writes."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from handmesh_ros.errors import InputError
from handmesh_ros.fusion.extrinsics import CameraSetup
from handmesh_ros.fusion.fuser import FusedFrame, HandFuser
from handmesh_ros.hand import Hand
from handmesh_ros.records import hand_record, read_frames


class _Event(NamedTuple):
    """A camera's frame; events are in the order of their stamps."""

    stamp_s: float
    camera: str
    hands: list[Hand]


def fused_recordings(setup: CameraSetup, files: Mapping[str, Path], fuser: HandFuser) -> Iterator[FusedFrame]:
    """The fused frames of cameras' files, as the node would have made them.

    Args:
        files: camera -> its hands, as ``handmesh run --out`` wrote them.

    Raises:
        InputError: a camera has no place, hands have no metric scale, or no two cameras were ever heard at one time.
        RecordError: a file holds something else.
    """
    if len(files) < 2:
        raise InputError("one camera alone cannot be fused; give NAME=HANDS.jsonl of two cameras at least")
    if lacking := [camera for camera in files if camera not in setup.places]:
        raise InputError(f"extrinsics of camera {', '.join(lacking)} are missing; there are those of {', '.join(setup.places)}")
    spans: dict[str, tuple[float, float]] = {}
    met = False
    for event in heapq.merge(*(_events(setup, camera, path) for camera, path in files.items()), key=lambda event: event.stamp_s):
        first, _ = spans.get(event.camera, (event.stamp_s, event.stamp_s))
        spans[event.camera] = first, event.stamp_s
        frame = fuser.take(event.camera, setup.places[event.camera], event.stamp_s, event.hands)
        if frame is not None:
            met = met or len(frame.cameras) > 1
            yield frame
    if not met:
        times = ", ".join(f"{camera} {first:.3f} to {last:.3f} s" for camera, (first, last) in spans.items())
        raise InputError(f"the cameras' stamps never meet ({times}): were they recorded at one time? offset_s of a camera moves its stamps")


def fused_record(number: int, frame_id: str, frame: FusedFrame) -> dict[str, Any]:
    """A fused frame for JSON, as ``frame_record``. Hands are in the frame ``frame_id``, have no keypoints, and say which cameras see them
    and by how many sigmas these disagree."""
    hands = []
    for one in frame.hands:
        record = hand_record(one.hand)
        del record["keypoints"]
        hands.append(record | {"cameras": list(one.cameras), "disagreement": round(one.disagreement, 3)})
    return {"frame": number, "stamp": frame.stamp_s, "frame_id": frame_id, "hands": hands}


def _events(setup: CameraSetup, camera: str, path: Path) -> Iterator[_Event]:
    for stamp_s, hands in read_frames(path):
        yield _Event(stamp_s + setup.offsets_s[camera], camera, hands)
