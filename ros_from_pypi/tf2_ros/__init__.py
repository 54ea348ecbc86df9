"""Stand-in for the part of ROS's tf2_ros that this project calls; used only where no apt ROS is. See ros_from_pypi/README.md.

Only the latest transforms are kept: ``lookup_transform`` knows no other time.
"""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage  # type: ignore[attr-defined]  # mypy sees the folder beside this one, not what is built of it
from transforms3d.quaternions import mat2quat, quat2mat


class TransformException(Exception):  # noqa: N818 - tf2's name
    """Base of all that a lookup raises."""


class LookupException(TransformException):
    """A frame that nobody has told of."""


class ConnectivityException(TransformException):
    """Frames of different trees."""


class Buffer:
    """The latest transform of every frame to its parent."""

    def __init__(self) -> None:
        self._links: dict[str, tuple[TransformStamped, bool]] = {}

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        self._links[transform.child_frame_id] = (transform, False)

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        self._links[transform.child_frame_id] = (transform, True)

    def lookup_transform(self, target_frame: str, source_frame: str, time: Time) -> TransformStamped:
        """From the source's axes to the target's; its stamp is the oldest of those that change, 0 where none does.

        Raises:
            TransformException: the frames are not connected.
        """
        if time.nanoseconds != 0:
            raise NotImplementedError("this stand-in for tf2_ros knows the latest transforms only: Time()")
        (from_target, target_root, target_stamps), (from_source, source_root, source_stamps) = map(
            self._to_root, (target_frame, source_frame)
        )
        if target_root != source_root:
            raise ConnectivityException(
                f"{target_frame} and {source_frame} are not in one tree: their roots are {target_root}, {source_root}"
            )
        matrix = np.linalg.inv(from_target) @ from_source
        w, x, y, z = mat2quat(matrix[:3, :3]).tolist()
        place = Vector3(**dict(zip("xyz", matrix[:3, 3].tolist(), strict=True)))
        oldest = min(target_stamps + source_stamps, default=Time())
        return TransformStamped(
            header=Header(stamp=oldest.to_msg(), frame_id=target_frame),
            child_frame_id=source_frame,
            transform=Transform(translation=place, rotation=Quaternion(x=x, y=y, z=z, w=w)),
        )

    def _to_root(self, frame: str) -> tuple[np.ndarray, str, list[Time]]:
        """(4, 4) to the root of the frame's tree, that root, and the stamps of the links on the way that are not static."""
        known = set(self._links) | {link.header.frame_id for link, _ in self._links.values()}
        if frame not in known:
            raise LookupException(f'"{frame}" passed to lookupTransform argument does not exist.')
        matrix = np.eye(4)
        stamps: list[Time] = []
        for _ in range(len(self._links) + 1):
            if frame not in self._links:
                return matrix, frame, stamps
            link, static = self._links[frame]
            place, turn = link.transform.translation, link.transform.rotation
            step = np.eye(4)
            step[:3, :3] = quat2mat((turn.w, turn.x, turn.y, turn.z))
            step[:3, 3] = place.x, place.y, place.z
            matrix, frame = step @ matrix, link.header.frame_id
            if not static:
                stamps.append(Time.from_msg(link.header.stamp))
        raise LookupException(f"{frame}: the tree contains a loop")


class TransformListener:
    """Fills a buffer from ``/tf`` and ``/tf_static``."""

    def __init__(self, buffer: Buffer, node: Node, *, spin_thread: bool = False) -> None:
        if spin_thread:
            raise NotImplementedError("this stand-in for tf2_ros listens in its node's executor")
        latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._buffer = buffer
        node.create_subscription(TFMessage, "/tf", self._on_transforms, 100)
        node.create_subscription(TFMessage, "/tf_static", self._on_static_transforms, latched)

    def _on_transforms(self, message: TFMessage) -> None:
        for transform in message.transforms:
            self._buffer.set_transform(transform, "/tf")

    def _on_static_transforms(self, message: TFMessage) -> None:
        for transform in message.transforms:
            self._buffer.set_transform_static(transform, "/tf_static")
