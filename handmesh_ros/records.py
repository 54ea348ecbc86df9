"""A hand as plain values for JSON: what ``handmesh run --out`` and the demo's listener write, and how it is read back.

Keys: ``side`` "left" or "right"; ``side_score`` and ``score`` 0..1, that it is this side and that a hand is there; ``track_id``, constant
while the hand is followed; ``state`` "tracking" or "predicted"; ``joints`` 21x3 metres in the camera's optical frame;
``position_covariance`` 3x3 of the wrist, square metres; ``keypoints`` 21x2 pixels of the full image; ``size_m`` wrist to middle mcp as
assumed; ``aperture`` 0 (fist) to 1 (open hand); ``pinch_distance`` thumb tip to index tip, metres; ``orientations`` 21x4, the
joints' axes as quaternions x, y, z, w; ``metric`` false where the camera is not calibrated and every distance is a guess.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from handmesh_ros.errors import HandmeshError
from handmesh_ros.hand import JOINT_COUNT, FloatArray, Hand, Side, TrackState
from handmesh_ros.perception.grasp import aperture, pinch_distance
from handmesh_ros.perception.quaternions import quaternions_xyzw


class RecordError(HandmeshError, ValueError):
    """A file of hands cannot be read; the message names it, the line and what is expected."""


class RecordedFrame(NamedTuple):
    """The hands of one frame; without meshes, where the file has none."""

    stamp_s: float
    hands: list[Hand]


def read_frames(path: Path) -> Iterator[RecordedFrame]:
    """The frames of a file that ``handmesh run --out`` wrote, one after the other.

    Raises:
        RecordError: a line is no frame.
        OSError: the file cannot be read.
    """
    no_mesh = np.zeros((0, 3), np.float32)
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            try:
                record = json.loads(line)
                stamp_s = float(record["stamp"])
                meshes = (np.array(hand["vertices"], np.float32) if "vertices" in hand else no_mesh for hand in record["hands"])
                hands = [hand_of_record(hand, stamp_s, mesh) for hand, mesh in zip(record["hands"], meshes, strict=True)]
                yield RecordedFrame(stamp_s, hands)
            except (KeyError, ValueError, TypeError, OverflowError, RecursionError, AttributeError) as error:
                why = f"there is no {error} in it" if isinstance(error, KeyError) else str(error)
                raise RecordError(f"{path}, line {number}: no frame as this version's handmesh run --out writes it: {why}") from error


def frame_record(number: int, stamp_s: float, hands: Sequence[Hand], mesh: bool = False) -> dict[str, Any]:
    """One frame: its number from 0, its time in seconds, and its hands; with ``vertices`` (Vx3 metres, to a tenth of a millimetre) if
    their meshes are wanted."""
    records = [hand_record(hand) for hand in hands]
    if mesh:
        for record, hand in zip(records, hands, strict=True):
            record["vertices"] = np.round(hand.vertices.astype(float), 4).tolist()
    return {"frame": number, "stamp": stamp_s, "hands": records}


def hand_record(hand: Hand) -> dict[str, Any]:
    """One hand, rounded to micrometres, and to thousandths of a square millimetre and of a pixel."""
    return {
        "side": hand.side.value,
        "side_score": round(float(hand.side_score), 4),
        "score": round(float(hand.score), 4),
        "track_id": int(hand.track_id),
        "state": hand.state.value,
        "joints": np.round(hand.joints, 6).tolist(),
        "position_covariance": np.round(hand.position_covariance, 9).tolist(),
        "keypoints": np.round(hand.keypoints, 3).tolist(),
        "size_m": round(float(hand.size_m), 6),
        "aperture": round(aperture(hand.joints), 4),
        "pinch_distance": round(pinch_distance(hand.joints), 6),
        "orientations": np.round(quaternions_xyzw(hand.rotations), 6).tolist(),
        "metric": bool(hand.metric),
    }


def hand_of_record(record: dict[str, Any], stamp_s: float, vertices: FloatArray) -> Hand:
    """The hand of a record, with its (V, 3) mesh from elsewhere.

    What no record holds is neutral: joint axes those of the camera.

    Raises:
        ValueError, KeyError, TypeError: it is no record of a hand.
    """
    joints = np.array(record["joints"], float)
    if joints.shape != (JOINT_COUNT, 3):
        raise ValueError(f"joints of shape {joints.shape}, expected ({JOINT_COUNT}, 3)")
    return Hand(
        side=Side(record["side"]),
        side_score=record["side_score"],
        score=record["score"],
        track_id=record["track_id"],
        state=TrackState(record["state"]),
        stamp_s=stamp_s,
        vertices=vertices,
        joints=joints,
        rotations=np.tile(np.eye(3), (JOINT_COUNT, 1, 1)),
        keypoints=np.array(record["keypoints"]),
        position_covariance=np.array(record["position_covariance"]),
        size_m=record["size_m"],
        metric=record["metric"],
    )
