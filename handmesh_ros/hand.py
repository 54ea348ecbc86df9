"""The vocabulary of the project: joints, sides, states and the Hand itself.

Every other module imports this one; it imports numpy only.

Joint order is the one of MediaPipe and MPII hands: the wrist, then four joints a finger from thumb to little finger.
Points are in the camera's optical frame of REP 103 (x right, y down, z forward), in metres, unless a docstring says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

FINGERS = ("thumb", "index", "middle", "ring", "little")

JOINT_NAMES = (
    "wrist",
    "thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip",
    "index_mcp", "index_pip", "index_dip", "index_tip",
    "middle_mcp", "middle_pip", "middle_dip", "middle_tip",
    "ring_mcp", "ring_pip", "ring_dip", "ring_tip",
    "little_mcp", "little_pip", "little_dip", "little_tip",
)  # fmt: skip

# Index of each joint's parent; -1 for the wrist, the root.
JOINT_PARENTS = (-1, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 0, 13, 14, 15, 0, 17, 18, 19)

# (parent, child) of the 20 bones, in the order of the child joint.
BONES = tuple((parent, child) for child, parent in enumerate(JOINT_PARENTS) if parent >= 0)

JOINT_COUNT = len(JOINT_NAMES)
WRIST = 0
THUMB_CMC, THUMB_TIP, INDEX_TIP = 1, 4, 8
INDEX_MCP, MIDDLE_MCP, RING_MCP, LITTLE_MCP = 5, 9, 13, 17
PALM_JOINTS = (WRIST, THUMB_CMC, INDEX_MCP, MIDDLE_MCP, RING_MCP, LITTLE_MCP)  # the rigid part of a hand


class Side(str, Enum):
    """Which of a person's hands it is, whatever the picture's orientation."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> Side:
        return Side.LEFT if self is Side.RIGHT else Side.RIGHT


def faces_of_side(faces: NDArray[np.integer], side: Side) -> NDArray[np.integer]:
    """(F, 3) vertex numbers of a hand of that side, from a right hand's: a left hand is mirrored, so its triangles wind the other way."""
    return faces if side is Side.RIGHT else faces[:, ::-1]


class TrackState(str, Enum):
    """TRACKING: measured in this frame. PREDICTED: not seen in this frame, carried on for a short while. LOST: given up."""

    TRACKING = "tracking"
    PREDICTED = "predicted"
    LOST = "lost"


@dataclass(frozen=True, eq=False)
class Hand:
    """One hand in one frame.

    Attributes:
        side: which hand.
        side_score: probability of ``side`` by the network, 0..1: 0.5 where it cannot tell, 1 where the user has told. Below 0.5 the
            network takes the hand for one of the other side, against what its track was so far; such a shape is less sure.
        score: probability that a hand is there, 0..1.
        track_id: constant while the hand is followed, 0 for a single unrelated image.
        state: TRACKING or PREDICTED (a lost hand is absent, never a Hand).
        stamp_s: time of the image, seconds.
        vertices: (V, 3) float32, camera frame, metres.
        joints: (21, 3), camera frame, metres.
        rotations: (21, 3, 3), joint axes as columns in the camera frame: x along the bone towards the fingertip, z out of the
            back of the hand, y = z cross x.
        keypoints: (21, 2), pixels of the full image, as measured by the network (distorted as the image is).
        position_covariance: (3, 3), of the wrist's position, camera frame, square metres.
        size_m: the hand's assumed size, wrist to middle mcp, metres.
        metric: False where the camera is not calibrated: shape and orientation hold, distance is a guess.
    """

    side: Side
    side_score: float
    score: float
    track_id: int
    state: TrackState
    stamp_s: float
    vertices: FloatArray
    joints: FloatArray
    rotations: FloatArray
    keypoints: FloatArray
    position_covariance: FloatArray
    size_m: float
    metric: bool
