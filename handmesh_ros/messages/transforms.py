"""Hands to TF: the wrist under the image's frame, every joint under its parent joint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handmesh_ros.hand import JOINT_NAMES, JOINT_PARENTS, FloatArray, Hand, Side
from handmesh_ros.messages.template import MARK, SerializedTemplate, marked_header
from handmesh_ros.messages.types import TFMessage, Time, Transform, TransformStamped, Vector3
from handmesh_ros.perception.quaternions import quaternions_xyzw

PARENT_ROWS = np.array(JOINT_PARENTS)


def frame_name(side: Side, joint: str, prefix: str = "") -> str:
    """The TF frame of a joint."""
    return f"{prefix}{side.value}_hand_{joint}"


class TransformTemplate:
    """The serialized TFMessage of hands of given sides.

    Args:
        frame_id: of the images.
        sides: one for each hand, in the order in which ``fill`` gets them; each at most once.
        prefix: of every frame's name.
        wrist_only: leave the other joints out.
    """

    def __init__(self, frame_id: str, sides: Sequence[Side], prefix: str = "", wrist_only: bool = False) -> None:
        self._count = 1 if wrist_only else len(JOINT_NAMES)
        links = [link for side in sides for link in _marked_links(frame_id, side, prefix)[: self._count]]
        self._template = SerializedTemplate(TFMessage(transforms=links))
        self._transforms = [self._next_transform() for _ in links]

    def _next_transform(self) -> FloatArray:
        """(7,) position and quaternion."""
        self._template.place_stamp()
        return self._template.place(np.float64, 7)

    def fill(self, stamp: Time, hands: Sequence[Hand]) -> bytes:
        """The serialized TFMessage of these hands."""
        transforms = np.concatenate([_to_parents(hand, self._count) for hand in hands])
        for place, transform in zip(self._transforms, transforms, strict=True):
            place[:] = transform
        return self._template.message(stamp)


def _marked_links(frame_id: str, side: Side, prefix: str) -> list[TransformStamped]:
    names = [frame_name(side, name, prefix) for name in JOINT_NAMES]
    parents = [frame_id, *(names[parent] for parent in PARENT_ROWS[1:])]
    transform = Transform(translation=Vector3(x=MARK))
    return [
        TransformStamped(header=marked_header(parent), child_frame_id=name, transform=transform)
        for parent, name in zip(parents, names, strict=True)
    ]


def _to_parents(hand: Hand, count: int) -> FloatArray:
    """(count, 7): position and quaternion of the first joints, each in its parent's axes."""
    rotations, joints = np.asarray(hand.rotations[:count], float), np.asarray(hand.joints[:count], float)
    parents = PARENT_ROWS[1:count]
    to_parent = rotations[parents].transpose(0, 2, 1)
    relative = np.concatenate([rotations[:1], to_parent @ rotations[1:]])
    offsets = np.concatenate([joints[:1], np.einsum("nij,nj->ni", to_parent, joints[1:] - joints[parents])])
    return np.concatenate([offsets, quaternions_xyzw(relative)], axis=1)
