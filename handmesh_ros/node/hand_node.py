"""The hand node: subscribes to a camera, publishes hands. Wiring only; each thing it does has its own file.

``ros2 run handmesh_ros hand_node --ros-args -r image:=/camera/image_raw -r camera_info:=/camera/camera_info``
"""

from __future__ import annotations

import re
import sys
import time
import traceback
from collections.abc import Callable, Sequence

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from numpy.typing import NDArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger

from handmesh_ros.hand import Hand
from handmesh_ros.node.calibration import DepthView, calibrate_hand_size, read_hand_sizes
from handmesh_ros.node.diagnostics import FrameStatistics, diagnostic_array
from handmesh_ros.node.images import CameraCache, ImageError, frame_of_compressed, frame_of_image
from handmesh_ros.node.messages import best_of_each_side, seconds_of
from handmesh_ros.node.outputs import FrameResult, HandOutputs
from handmesh_ros.node.parameters import NodeParameters, ParameterError, changes_of, declare_parameters
from handmesh_ros.node.process import StartError, freeze_objects, spin
from handmesh_ros.node.teleop import Teleop
from handmesh_ros.node.waiting import Occasional, take
from handmesh_ros.perception.camera import Camera, CameraError
from handmesh_ros.perception.mesh_net import ModelContractError
from handmesh_ros.perception.pipeline import HandPipeline
from handmesh_ros.perception.size.hand_size import HandSize, HandSizeError
from handmesh_ros.provision import ModelError
from handmesh_ros.provision.fetch import sha256_of
from handmesh_ros.srv import CalibrateHandSize

# The latest frame only: a second one in the queue would make every result one frame older.
LATEST_FRAME = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
REPEAT_WARNING_S = 10.0
# The first images may come before the first camera_info: DDS finds one topic after the other.
CAMERA_INFO_PATIENCE_S = 1.0


class HandNode(Node):
    """Everything runs in the image callback: that is the shortest way from a frame to its hands.

    Attributes:
        pipeline: that the frames go through; another one after a change of the model.
        statistics: of the frames so far.

    Raises:
        StartError: a parameter or the model is not usable.
    """

    def __init__(self) -> None:
        super().__init__("hand_node")
        self._cameras = CameraCache()
        self._events = Occasional()  # of the publishers (a subscriber asks for another QoS): two dozen, looked at once a second
        self.statistics = FrameStatistics()
        self._warned_s: dict[str, float] = {}
        self._last_stamp_s: float | None = None
        self._last_header = Header()
        self._first_frame_s = np.inf
        self._enabled = True
        self._camera: Camera | None = None  # of the last frame
        self._outputs = HandOutputs(self, self._events)
        self._teleop = Teleop(self, self._events)
        try:
            self._settings = declare_parameters(self)
            self._use_pipeline(self._load_pipeline(self._settings))
            problem = read_hand_sizes(self.pipeline.sizes, self._settings.hand_size_file)
            if self._settings.hand_size_m > 0:
                self._set_hand_size(self._settings.hand_size_m)
        except (ParameterError, ModelError, ModelContractError, HandSizeError) as error:
            raise StartError(str(error)) from error
        if problem is not None:
            self.get_logger().warning(problem)
        self.add_on_set_parameters_callback(self._change_parameters)
        self._subscribe()
        self.create_service(Trigger, "~/reset", self._reset)
        self.create_service(SetBool, "~/set_enabled", self._set_enabled)
        self.create_service(CalibrateHandSize, "~/calibrate_hand_size", self._calibrate_hand_size)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 5, callback_group=self._events)
        self.create_timer(1.0, self._publish_diagnostics)
        freeze_objects()
        self.get_logger().info(f"ready: model '{self.pipeline.model_name}', waiting for images on {self._image_topic}")

    def _subscribe(self) -> None:
        override = QoSOverridingOptions.with_default_policies()
        self._image_topic = self.resolve_topic_name("image")
        if self._settings.image_transport == "compressed":
            # Appended after remapping, as image_transport does: image:=/camera/image_raw means /camera/image_raw/compressed.
            self._image_topic += "/compressed"
            self.create_subscription(CompressedImage, self._image_topic, self._on_compressed, LATEST_FRAME, qos_overriding_options=override)
        else:
            self.create_subscription(Image, self._image_topic, self._on_image, LATEST_FRAME, qos_overriding_options=override)
        # Taken when an image comes, as bytes: waking up for it would cost more than using it, and it hardly ever changes.
        self._camera_info = self.create_subscription(
            CameraInfo, "camera_info", lambda _: None, LATEST_FRAME,
            callback_group=Occasional(open=False), qos_overriding_options=override, raw=True,
        )  # fmt: skip
        if self._settings.depth_topic:
            # Looked at only when a hand is to be measured in it.
            self._depth = self.create_subscription(
                Image, self._settings.depth_topic, lambda _: None, LATEST_FRAME,
                callback_group=Occasional(open=False), qos_overriding_options=override,
            )  # fmt: skip

    def _on_image(self, message: Image) -> None:
        self._on_frame(message, lambda: frame_of_image(message))

    def _on_compressed(self, message: CompressedImage) -> None:
        self._on_frame(message, lambda: frame_of_compressed(message))

    def _on_frame(self, message: Image | CompressedImage, read: Callable[[], NDArray[np.uint8]]) -> None:
        """One frame from message to messages. Whatever is wrong with it, the node goes on with the next one."""
        if not self._enabled:
            return
        begin = time.perf_counter()
        self._first_frame_s = min(self._first_frame_s, begin)
        self.statistics.frame_came()
        self._events.open = False
        try:
            stamp_s = self._advancing_stamp(message.header)
            if stamp_s is None:
                return
            frame = read()
            self._cameras.heard(take(self._camera_info))
            hfov_deg = self._settings.fallback_hfov_deg
            camera, problem = self._cameras.camera(frame, self._settings.rectified, hfov_deg)
            if problem is not None:
                self._warn(f"{problem}. Hands are not metric: assuming a field of view of {hfov_deg:g} degrees")
            self._process(message.header, stamp_s, frame, camera, begin)
        except ImageError as error:
            self._refuse("image", str(error))
        except CameraError as error:
            if self._cameras.info is not None or begin - self._first_frame_s > CAMERA_INFO_PATIENCE_S:
                self._refuse("camera", str(error))
        except Exception as error:
            # Not foreseen, but a robot's perception must not end with one bad frame.
            self._refuse("unexpected", f"{type(error).__name__}: {error}\n{traceback.format_exc()}")

    def _process(self, header: Header, stamp_s: float, frame: NDArray[np.uint8], camera: Camera, begin: float) -> None:
        self._camera = camera
        before = time.perf_counter()
        hands = self.pipeline.process(frame, camera, stamp_s)
        perception_s = time.perf_counter() - before
        self.statistics.losses.update(loss.reason.value for loss in self.pipeline.losses)
        self._last_header = header
        latency_s = self._now_s() - stamp_s
        result = FrameResult(header, stamp_s, frame, camera, hands, self.pipeline.raw_hands, latency_s)
        self._outputs.publish(result, self._settings)
        self._teleop.publish(header, best_of_each_side(hands), self._predict)
        outside_s = time.perf_counter() - begin - perception_s
        self.statistics.frame_processed(stamp_s, self._now_s() - stamp_s, outside_s, self.pipeline.stage_seconds)

    def _advancing_stamp(self, header: Header) -> float | None:
        """The frame's time in seconds; None for a frame that was there already."""
        stamp_s = seconds_of(header.stamp)
        if stamp_s == 0.0:
            self._warn("the images carry no stamp: the camera driver should stamp them; taking the time of arrival for tracking")
            stamp_s = self._now_s()
        last, self._last_stamp_s = self._last_stamp_s, stamp_s
        if last is None or stamp_s > last:
            return stamp_s
        if stamp_s == last:
            self._refuse("stamp", "two images carry the same stamp: the second one is left out. Do two drivers publish on this topic?")
            return None
        self._warn(f"the images' stamps went back by {last - stamp_s:.3f} s (a looped bag?): all hands are found anew")
        self.pipeline.reset()
        return stamp_s

    def _predict(self, hand: Hand) -> Hand:
        return self.pipeline.predict(hand, self._now_s())

    def _now_s(self) -> float:
        return self.get_clock().now().nanoseconds * 1e-9

    def _refuse(self, kind: str, text: str) -> None:
        self.statistics.frame_refused(kind, text)
        self._warn(text)

    def _warn(self, text: str) -> None:
        """Each trouble at once when it comes, then every ten seconds while it lasts."""
        trouble = re.sub(r"\d+", "", text)  # the same whatever its numbers
        now = time.monotonic()
        if now - self._warned_s.get(trouble, -np.inf) >= REPEAT_WARNING_S:
            self._warned_s[trouble] = now
            self.get_logger().warning(text)

    @staticmethod
    def _load_pipeline(parameters: NodeParameters) -> HandPipeline:
        pipeline = HandPipeline.load(parameters.model, parameters.for_pipeline(), parameters.threads)
        # Warm up, so that the first frame is as fast as the others.
        pipeline.process_single(np.zeros((480, 640, 3), np.uint8), Camera.from_hfov(640, 480, 60))
        return pipeline

    def _use_pipeline(self, pipeline: HandPipeline) -> None:
        self.pipeline = pipeline
        self._model_sha256 = sha256_of(pipeline.network.path)
        patch = np.zeros((1, 3, pipeline.network.patch_size, pipeline.network.patch_size), np.float32)
        self._outputs.set_model(pipeline.model_name, pipeline.faces, len(pipeline.network.predict(patch).vertices))

    def _set_hand_size(self, size_m: float) -> None:
        self.pipeline.sizes.reset()
        if size_m > 0:
            self.pipeline.sizes.set(size_m)

    def _change_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        try:
            changed = changes_of(changes)
            parameters = self._settings.changed(changed)
            if parameters.hand_size_m > 0:
                HandSize(parameters.hand_size_m)  # refuses sizes that no hand has
            if "model" in changed:
                pipeline = self._load_pipeline(parameters)
                pipeline.sizes = self.pipeline.sizes
                self._use_pipeline(pipeline)
        except (ParameterError, ModelError, ModelContractError, HandSizeError) as error:
            return SetParametersResult(successful=False, reason=str(error))
        if parameters.for_pipeline() != self._settings.for_pipeline():
            self.pipeline.set_parameters(parameters.for_pipeline())
        if "hand_size_m" in changed:
            self._set_hand_size(parameters.hand_size_m)
        self._settings = parameters
        return SetParametersResult(successful=True)

    def _reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.pipeline.reset()
        self._outputs.clear(self._last_header)
        response.success, response.message = True, "all hands are forgotten and found anew; hand sizes are kept"
        return response

    def _set_enabled(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._enabled = request.data
        if not self._enabled:
            self.pipeline.reset()
            self._outputs.clear(self._last_header)
        response.success, response.message = True, "enabled" if self._enabled else "disabled: images are not looked at"
        return response

    def _calibrate_hand_size(self, request: CalibrateHandSize.Request, response: CalibrateHandSize.Response) -> CalibrateHandSize.Response:
        settings = self._settings
        depth = DepthView(settings.depth_topic, take(self._depth), self._camera) if settings.depth_topic else None
        seen = self.pipeline.raw_hands
        return calibrate_hand_size(self.pipeline.sizes, seen, settings.hand_size_m, depth, settings.hand_size_file, request, response)

    def _publish_diagnostics(self) -> None:
        self._events.open = True
        level, text = self.statistics.level() if self._enabled else (b"\x00", "disabled")
        live = ", ".join(f"{hand.side.value} {hand.track_id} {hand.state.value}" for hand in self.pipeline.raw_hands)
        values = {
            "hands": live or "none",
            "model": self.pipeline.model_name,
            "model sha256": self._model_sha256,
            "detector calls": str(self.pipeline.detector_calls),
            **self.statistics.values(),
        }
        stamp = self.get_clock().now().to_msg()
        name = f"{self.get_fully_qualified_name()}: hands"
        self._diagnostics.publish(diagnostic_array(stamp, name, self.pipeline.model_name, level, text, values))


def main(argv: Sequence[str] | None = None) -> int:
    return spin(HandNode, argv)


if __name__ == "__main__":
    sys.exit(main())
