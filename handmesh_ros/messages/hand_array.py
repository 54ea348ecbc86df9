"""Hands to the HandArray message."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from handmesh_ros.hand import JOINT_COUNT, WRIST, FloatArray, Hand
from handmesh_ros.messages.build import SIDES, STATES, pose_covariance
from handmesh_ros.messages.stamps import split_seconds
from handmesh_ros.messages.template import MARK, SerializedTemplate, marked_header
from handmesh_ros.messages.types import HandArray, HandMessage, Time
from handmesh_ros.perception.grasp import aperture, pinch_distance
from handmesh_ros.perception.quaternions import quaternions_xyzw

# Of Hand.msg: what stands before the wrist (track_id, side, side_score, score, state, age, latency) and after the keypoints (metric,
# size_m, pinch_distance, aperture), with the padding that aligns every number to its size.
HEAD, TAIL = struct.Struct("=IB3xffB3xiIiI"), struct.Struct("=?3xfff")
# No real track gets here: their numbers begin at 1.
TRACK_ID_MARK = 0x5D4C3B2A


@dataclass(frozen=True, eq=False)
class _Places:
    """Of one hand in the bytes of the message."""

    head: memoryview
    wrist: FloatArray  # (7,), position and quaternion
    covariance: FloatArray  # (36,), row by row
    joints: FloatArray  # (21, 7)
    keypoints: FloatArray  # (21, 2)
    tail: memoryview


class HandArrayTemplate:
    """The serialized message of ``count`` hands in one frame of reference."""

    def __init__(self, frame_id: str, count: int) -> None:
        marked = HandMessage(track_id=TRACK_ID_MARK)
        marked.wrist.pose.position.x = MARK
        self._template = SerializedTemplate(HandArray(header=marked_header(frame_id), hands=[marked] * count))
        self._template.place_stamp()
        self._hands = [self._next_hand() for _ in range(count)]

    def _next_hand(self) -> _Places:
        place, place_after = self._template.place, self._template.place_after
        return _Places(
            head=place(np.uint8, HEAD.size, np.uint32(TRACK_ID_MARK).tobytes()).data,
            wrist=place(np.float64, 7),
            covariance=place_after(np.float64, 36),
            joints=place_after(np.float64, 7 * JOINT_COUNT).reshape(JOINT_COUNT, 7),
            keypoints=place_after(np.float32, 2 * JOINT_COUNT).reshape(JOINT_COUNT, 2),
            tail=place_after(np.uint8, TAIL.size).data,
        )

    def fill(self, stamp: Time, hands: Sequence[Hand], latency_s: float, ages_s: Mapping[int, float]) -> bytes:
        """The serialized HandArray of these hands.

        Args:
            latency_s: since the image's stamp.
            ages_s: track_id -> seconds since the track began.
        """
        latency = split_seconds(latency_s)
        for places, hand in zip(self._hands, hands, strict=True):
            age = split_seconds(ages_s.get(hand.track_id, 0.0))
            HEAD.pack_into(
                places.head, 0, hand.track_id, SIDES[hand.side], hand.side_score, hand.score, STATES[hand.state], *age, *latency
            )  # fmt: skip
            places.joints[:, :3] = hand.joints
            places.joints[:, 3:] = quaternions_xyzw(hand.rotations)
            places.wrist[:] = places.joints[WRIST]
            places.covariance[:] = pose_covariance(hand)
            places.keypoints[:] = hand.keypoints
            TAIL.pack_into(places.tail, 0, hand.metric, hand.size_m, pinch_distance(hand.joints), aperture(hand.joints))
        return self._template.message(stamp)
