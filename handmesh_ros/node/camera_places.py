"""Where the cameras' optical frames are, by TF."""

from __future__ import annotations

import numpy as np
from rclpy.node import Node
from rclpy.time import Time

from handmesh_ros.errors import HandmeshError
from handmesh_ros.fusion.extrinsics import CameraPlace, ExtrinsicsError
from handmesh_ros.node.received import rotation_matrices


class CameraPlaces:
    """Listens to TF.

    Raises:
        HandmeshError: tf2_ros is not installed.
    """

    def __init__(self, node: Node, common_frame: str) -> None:
        try:
            from tf2_ros import Buffer, TransformException, TransformListener
        except ImportError as error:
            raise HandmeshError(f"tf2_ros is missing ({error}): apt install ros-$ROS_DISTRO-tf2-ros-py") from error
        self._common_frame = common_frame
        self._buffer, self._failure = Buffer(), TransformException
        self._listener = TransformListener(self._buffer, node)

    def of(self, frame: str) -> CameraPlace:
        """A camera's place in the common frame, as it was last told.

        Raises:
            ExtrinsicsError: TF does not know.
        """
        if frame == self._common_frame:
            return CameraPlace(np.eye(3), np.zeros(3))
        try:
            found = self._buffer.lookup_transform(self._common_frame, frame, Time()).transform
        except self._failure as error:
            raise ExtrinsicsError(f"no transform from {frame} to {self._common_frame}: {error}") from error
        place, turn = found.translation, found.rotation
        rotation = rotation_matrices(np.array([[turn.x, turn.y, turn.z, turn.w]]))[0]
        return CameraPlace(rotation, np.array([place.x, place.y, place.z]))
