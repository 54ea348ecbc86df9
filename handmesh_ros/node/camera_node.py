"""A camera for machines that have none in ROS: publishes a device, video, folder or picture as ``image`` and ``camera_info``.

``ros2 run handmesh_ros camera --ros-args -p input:=0 -p camera_info:=my_camera.yaml``
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from handmesh_ros.files import user_path
from handmesh_ros.messages import build
from handmesh_ros.messages.frame_clock import CLOCK_MISSING
from handmesh_ros.messages.stamps import time_of
from handmesh_ros.node.parameter_table import ParameterTable, parameter
from handmesh_ros.node.process import freeze_objects, spin
from handmesh_ros.node.qos import overridable
from handmesh_ros.node.sim_time import clock_is_missing, steady_clock
from handmesh_ros.perception.camera import Camera
from handmesh_ros.sources import Frame, SourceError, account, nothing_read, open_source
from handmesh_ros.sources.pace import Pace

LIVE_POLL_S = 0.001


@dataclass(frozen=True)
class CameraParameters(ParameterTable):
    """The camera node's."""

    input: str = parameter(
        "0",
        "a camera's index, a video, a folder of pictures, a picture, or a stream's address",
        required=True,
        read_only=True,
    )
    rate_hz: float = parameter(
        0.0, "frames a second of recordings; 0: the recording's own; a live camera keeps its own", low=0.0, high=1000.0, read_only=True
    )
    loop: bool = parameter(False, "begin again at the end of a recording (stamps go on)", read_only=True)
    frame_id: str = parameter("camera_optical_frame", "frame of the images", required=True, read_only=True)
    camera_info: str = parameter(
        "",
        "a calibration file, as camera_calibration or OpenCV writes it or `ros2 topic echo --once` prints a CameraInfo; empty: none",
        read_only=True,
    )
    hfov_deg: float = parameter(
        0.0,
        'without a calibration file: publish a guessed calibration with this field of view; 0: K is 0, "not calibrated"',
        low=0.0,
        high=175.0,
        read_only=True,
    )
    wait_for_subscribers: int = parameter(
        0, "hold the first frame until so many listen to the images, and somebody to `camera_info`", low=0, high=100, read_only=True
    )


class CameraNode(Node):
    """Publishes frames at the source's rate, or at the rate given.

    ``image`` and ``image/compressed`` are made only while somebody listens to them; frames count on anyway, as a camera's do.

    Raises:
        HandmeshError: a parameter, the input or the calibration is not usable.
    """

    def __init__(self) -> None:
        super().__init__("camera")
        given = CameraParameters.declared_on(self)
        self._frame_id, self._loop, self._wait = given.frame_id, given.loop, given.wait_for_subscribers
        self._calibration = Camera.from_yaml(user_path(given.camera_info)) if given.camera_info else None
        self._hfov_deg = given.hfov_deg
        self._source = open_source(given.input)
        self._frames: Iterator[Frame] = iter(self._source)
        self._told = 0  # of what the source has left out
        self._next = self._take()
        if self._next is None:
            raise SourceError(nothing_read(given.input, self._source.left_out))
        # Reliable: viewers ask for that, and it costs a best effort reader like the hand node nothing.
        override = overridable()
        qos = QoSProfile(depth=5)
        self._image = self.create_publisher(Image, "image", qos, qos_overriding_options=override)
        self._compressed = self.create_publisher(CompressedImage, "image/compressed", qos, qos_overriding_options=override)
        self._info = self.create_publisher(CameraInfo, "camera_info", qos, qos_overriding_options=override)
        rate = given.rate_hz or self._source.rate
        self._published = 0
        self._gap_s = 1 / given.rate_hz if given.rate_hz else None  # between frames; None: as they were recorded
        self._pace = Pace()  # by the node's clock
        self._timer = self.create_timer(LIVE_POLL_S if self._source.is_live else 1 / rate, self._publish_next)
        if self.get_parameter("use_sim_time").value:
            self.create_timer(5.0, self._tell_of_missing_clock, clock=steady_clock())
        freeze_objects()
        speed = "its own rate" if self._source.is_live else f"{rate:g} Hz"
        self.get_logger().info(f"publishing {self._source.name} at {speed}")

    def destroy_node(self) -> None:
        self._source.close()
        super().destroy_node()

    def _tell_of_missing_clock(self) -> None:
        if clock_is_missing(self):
            self.get_logger().warning(CLOCK_MISSING)

    def _publish_next(self) -> None:
        if self._wait:
            images = self._image.get_subscription_count() + self._compressed.get_subscription_count()
            if images < self._wait or not self._info.get_subscription_count():
                return
            self._wait = 0  # from now on frames go out, whoever leaves
            if self._source.is_live:
                self._next = self._take()  # the one that waited is old
        frame = self._next
        if frame is None:
            self.get_logger().info(f"{self._published} frames of {self._source.name} published; the end")
            # Let the last frame leave the process before it ends.
            time.sleep(0.3)
            raise SystemExit(0)
        self._publish(frame)
        try:
            self._follow(frame)
        except SourceError as error:
            self.get_logger().error(str(error))
            raise SystemExit(1) from error

    def _take(self) -> Frame | None:
        """The source's next frame, None at its end; tells of what was left out before it."""
        frame = next(self._frames, None)
        if new := self._source.left_out[self._told :]:
            self.get_logger().warning(f"{self._source.name}:{account(new)}")
            self._told += len(new)
        return frame

    def _follow(self, last: Frame) -> None:
        """Take the frame after ``last``, from the beginning again where that is asked for, and let the timer wait for its time."""
        self._next = self._take()
        gap_s = self._next.stamp_s - last.stamp_s if self._next and not self._gap_s else self._gap_s or 1 / self._source.rate
        if self._next is None and self._loop:
            self._frames, self._told = iter(self._source), 0
            self._next = self._take()
        if not self._source.is_live:
            now_s = 1e-9 * self.get_clock().now().nanoseconds
            self._timer.timer_period_ns = max(1, round(1e9 * (self._pace.due_s(gap_s, now_s) - now_s)))
            self._timer.reset()

    def _publish(self, frame: Frame) -> None:
        height, width = frame.rgb.shape[:2]
        # A live frame knows when it came; a recorded one gets the time at which it is sent.
        stamp = time_of(frame.stamp_s) if self._source.is_live else self.get_clock().now().to_msg()
        header = Header(stamp=stamp, frame_id=self._frame_id)
        camera = self._calibration
        if camera is None and self._hfov_deg > 0:
            camera = Camera.from_hfov(width, height, self._hfov_deg)
        # The calibration first: a node that gets the image has it then.
        info_size = (camera.width, camera.height) if camera is not None else (width, height)
        self._info.publish(build.camera_info_message(header, camera, *info_size))
        if self._image.get_subscription_count():
            self._image.publish(build.image_message(header, frame.rgb))
        if self._compressed.get_subscription_count():
            self._compressed.publish(build.compressed_message(header, frame.rgb))
        self._published += 1


def main(argv: Sequence[str] | None = None) -> int:
    return spin(CameraNode, argv)


if __name__ == "__main__":
    sys.exit(main())
