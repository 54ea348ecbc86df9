"""Hands read back from their messages, for who listens to them."""

from __future__ import annotations

import numpy as np

from handmesh_ros.errors import InputError
from handmesh_ros.hand import FloatArray, Hand
from handmesh_ros.messages.build import SIDES, STATES
from handmesh_ros.msg import Hand as HandMessage

SIDE_OF = {value: side for side, value in SIDES.items()}
STATE_OF = {value: state for state, value in STATES.items()}


def hand_of_message(message: HandMessage, stamp_s: float) -> Hand:
    """The hand of a message; its mesh is a message of its own, so there are no vertices.

    Args:
        message: one of ``HandArray.hands``.
        stamp_s: of that array's header, seconds.

    Raises:
        InputError: its side or state is none that a hand has.
    """
    if message.side not in SIDE_OF or message.state not in STATE_OF:
        raise InputError(f"a hand of side {message.side} and state {message.state}: is it a handmesh_ros of this version that sends it?")
    positions = [(pose.position.x, pose.position.y, pose.position.z) for pose in message.joints]
    quaternions = [(pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w) for pose in message.joints]
    return Hand(
        side=SIDE_OF[message.side],
        side_score=message.side_score,
        score=message.score,
        track_id=message.track_id,
        state=STATE_OF[message.state],
        stamp_s=stamp_s,
        vertices=np.zeros((0, 3), np.float32),
        joints=np.array(positions),
        rotations=rotation_matrices(np.array(quaternions)),
        keypoints=np.array(message.keypoints, float).reshape(-1, 2),
        position_covariance=np.reshape(message.wrist.covariance, (6, 6))[:3, :3],
        size_m=message.size_m,
        metric=message.metric,
    )


def rotation_matrices(quaternions_xyzw: FloatArray) -> FloatArray:
    """Unit quaternions (N, 4) in the order of geometry_msgs to rotation matrices (N, 3, 3)."""
    x, y, z, w = np.asarray(quaternions_xyzw, float).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)
