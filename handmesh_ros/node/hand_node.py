"""The hand node: subscribes to a camera, publishes hands. Wiring only; each thing it does has its own file.

``ros2 run handmesh_ros hand_node --ros-args -r image:=/camera/image_raw -r camera_info:=/camera/camera_info``
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger

from handmesh_ros.hand import Hand, Side
from handmesh_ros.messages.frame_clock import CLOCK_MISSING, FrameClock, StampError
from handmesh_ros.messages.frame_messages import FrameResult
from handmesh_ros.messages.images import CameraCache, FrameArray, ImageError, check_frame_id, frame_of_compressed, frame_of_image
from handmesh_ros.messages.owners import Owners
from handmesh_ros.messages.stamps import seconds_of
from handmesh_ros.node.answering import answering, changing
from handmesh_ros.node.calibration import DepthView, RecentHands, calibrate_hand_size, read_hand_sizes
from handmesh_ros.node.depth_sizes import DepthSizes
from handmesh_ros.node.diagnostics import NO_IMAGES, FrameStatistics, diagnostic_array
from handmesh_ros.node.outputs import HandOutputs
from handmesh_ros.node.parameters import NodeParameters
from handmesh_ros.node.process import freeze_objects, spin
from handmesh_ros.node.qos import overridable
from handmesh_ros.node.sim_time import clock_is_missing, steady_clock
from handmesh_ros.node.teleop import Teleop
from handmesh_ros.node.troubles import Troubles
from handmesh_ros.node.waiting import Occasional, SleepingSubscription
from handmesh_ros.perception.camera import Camera, CameraError
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.perception.onnx_session import ModelContractError
from handmesh_ros.perception.pipeline import HandPipeline
from handmesh_ros.perception.size.hand_size import HandSize, HandSizeError
from handmesh_ros.provision import model_path
from handmesh_ros.srv import CalibrateHandSize

# The latest frame only: a second one in the queue would make every result one frame older.
LATEST_FRAME = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
# camera_info of the second between two looks at it.
INFOS_OF_A_SECOND = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
SIZE_CHANGED = "the hand's size was changed, and its distance with it"


class HandNode(Node):
    """Everything runs in the image callback: that is the shortest way from a frame to its hands.

    Attributes:
        pipeline: that the frames go through.
        statistics: of the frames so far.

    Args:
        managed: somebody else calls ``load`` and sets ``active``.

    Raises:
        HandmeshError: a parameter or the model is not usable.
    """

    def __init__(self, managed: bool = False) -> None:
        super().__init__("hand_node")
        self.active = not managed
        self._cameras = CameraCache()
        self._events = Occasional()  # of the publishers (a subscriber asks for another QoS): two dozen, looked at once a second
        self.statistics = FrameStatistics()
        self._troubles = Troubles()
        self._frame_clock = FrameClock(self._now_s, self._warn)
        self._enabled = True
        self._last_header = Header()
        self._last_camera: Camera | None = None
        self._outputs = HandOutputs(self, self._events)
        self._hands_topic = self.resolve_topic_name("hands")
        self._owners = Owners()
        self._recent_hands = RecentHands()
        self._depth_sizes = DepthSizes()
        self._teleop = Teleop(self, self._events)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 5, callback_group=self._events)
        self._settings = NodeParameters.declared_on(self)
        if not managed:
            self.load()

    def load(self) -> None:
        """Load the model and begin to listen.

        Raises:
            HandmeshError: a parameter or the model is not usable.
        """
        self._settings = NodeParameters.present_on(self)
        self.pipeline = HandPipeline.load(self._settings.model, self._settings.for_pipeline(), self._settings.threads)
        self._begin_with_model()
        problem = read_hand_sizes(self.pipeline.sizes, self._settings.hand_size_file, self._settings.hand_size_m)
        if problem is not None:
            self.get_logger().warning(problem)
        self._changing = changing(self, self._change_parameters)
        self.add_on_set_parameters_callback(self._changing)
        image_topic = self._subscribe_to_images()
        # Taken when an image comes, as bytes: waking up for it would cost more than using it, and it hardly ever changes.
        self._camera_info = SleepingSubscription(self, CameraInfo, "camera_info", INFOS_OF_A_SECOND, raw=True)
        # Looked at only when a hand is to be measured in it.
        depth_topic = self._settings.depth_topic
        self._depth = SleepingSubscription(self, Image, depth_topic, LATEST_FRAME) if depth_topic else None
        self._services_of_model = [
            self.create_service(Trigger, "~/reset", answering(self, self._reset)),
            self.create_service(SetBool, "~/set_enabled", answering(self, self._set_enabled)),
            self.create_service(CalibrateHandSize, "~/calibrate_hand_size", answering(self, self._calibrate_hand_size)),
        ]
        self._every_second = self.create_timer(1.0, self._publish_diagnostics, clock=steady_clock())
        freeze_objects()
        self.get_logger().info(f"ready: model '{self.pipeline.model_name}', waiting for images on {image_topic}")

    def unload(self) -> None:
        """Stop listening and give the model's memory back; ``load`` begins anew."""
        self.destroy_timer(self._every_second)
        for service in self._services_of_model:
            self.destroy_service(service)
        for subscription in (self._images, self._camera_info.subscription, *([self._depth.subscription] if self._depth else [])):
            self.destroy_subscription(subscription)
        self.remove_on_set_parameters_callback(self._changing)
        del self.pipeline

    def forget_hands(self, reason: str) -> None:
        """As if none had been seen; clutches are released for this reason."""
        self.pipeline.reset()
        self._outputs.clear(self._last_header)
        self._teleop.release(reason)

    def _subscribe_to_images(self) -> str:
        """The topic that the images come on."""
        override = overridable()
        topic = self.resolve_topic_name("image")
        if self._settings.image_transport == "raw":
            self._images = self.create_subscription(Image, topic, self._on_image, LATEST_FRAME, qos_overriding_options=override)
            return topic
        # Appended after remapping, as image_transport does: image:=/camera/image_raw means /camera/image_raw/compressed.
        topic += "/compressed"
        self._images = self.create_subscription(CompressedImage, topic, self._on_compressed, LATEST_FRAME, qos_overriding_options=override)
        return topic

    def _on_image(self, message: Image) -> None:
        self._on_frame(message, frame_of_image)

    def _on_compressed(self, message: CompressedImage) -> None:
        self._on_frame(message, frame_of_compressed)

    def _on_frame(self, message: Any, read: Callable[[Any], FrameArray]) -> None:
        """One frame from message to messages. Whatever is wrong with it, the node goes on with the next one."""
        self.statistics.frame_came()
        if not (self._enabled and self.active):
            return
        begin = time.perf_counter()
        self._frame_clock.frame_came(begin)
        self._events.open = False
        try:
            check_frame_id(message.header)
            stamp_s = self._frame_clock.time_of(seconds_of(message.header.stamp))
            frame = read(message)
            self._hear_camera_info()
            hfov_deg = self._settings.fallback_hfov_deg
            camera, problem = self._cameras.camera(frame, self._settings.rectified, hfov_deg)
            if problem is not None:
                self._warn(f"{problem}. Hands are not metric: assuming a field of view of {hfov_deg:g} degrees")
            self._process(message.header, stamp_s, frame, camera, begin)
        except StampError as error:
            self._refuse("stamp", str(error))
        except ImageError as error:
            self._refuse("image", str(error))
        except ModelContractError as error:
            self._refuse("model", str(error))
        except CameraError as error:
            if self._cameras.info is not None or not self._frame_clock.just_began(begin):
                self._refuse("camera", str(error))
        except Exception as error:
            if not self.context.ok():
                return  # shut down while this frame was worked on: there is nobody left to tell
            # Not foreseen, but a robot's perception must not end with one bad frame.
            self._refuse("unexpected", f"{type(error).__name__}: {error}\n{traceback.format_exc()}")

    def _hear_camera_info(self) -> None:
        """Take what came since the last time; counted, since one comes for each image that the driver sends."""
        infos = self._camera_info.take_all()
        self.statistics.infos_came(len(infos))
        self._cameras.heard(infos[-1] if infos else None)

    def _correct_by_depth(self, owners: Mapping[Side, Hand], camera: Camera, stamp_s: float) -> None:
        if not self._settings.depth_correction or not self._depth_sizes.is_due(stamp_s):
            return
        depth = self._depth.latest() if self._depth else None
        if depth is None:
            topic = self._settings.depth_topic or "any topic: the parameter depth_topic is empty"
            self._warn(f"depth_correction: no depth image has come on {topic}")
            return
        owned = {hand.track_id for hand in owners.values()}
        seen = [hand for hand in self.pipeline.raw_hands if hand.track_id in owned]
        held = [side for side, clutch in self._teleop.clutches.items() if clutch.engaged]
        try:
            self._depth_sizes.learn(self.pipeline.sizes, seen, depth, camera, held)
        except (HandSizeError, ImageError) as error:
            self._warn(f"depth_correction: {error}")

    def _process(self, header: Header, stamp_s: float, frame: FrameArray, camera: Camera, begin: float) -> None:
        before = time.perf_counter()
        hands = self.pipeline.process(frame, camera, stamp_s)
        perception_s = time.perf_counter() - before
        self.statistics.losses.update(loss.reason.value for loss in self.pipeline.losses)
        if header.frame_id != (self._last_header.frame_id or header.frame_id):
            self._warn(
                f"the images' frame was {self._last_header.frame_id} and is {header.frame_id}: do two cameras publish on this topic?"
            )
        if camera is not self._last_camera:
            self._teleop.release("the camera's calibration has changed")
        self._last_header, self._last_camera = header, camera
        self._recent_hands.add(self.pipeline.raw_hands, stamp_s)
        owners = self._owners.choose(hands)
        latency_s = self._now_s() - stamp_s
        result = FrameResult(header, stamp_s, frame, camera, hands, self.pipeline.raw_hands, owners, latency_s)
        self._outputs.publish(result, self._settings.for_messages())
        self._teleop.publish(header, owners, self._predict, self._settings.clutch_by_pinch)
        self._correct_by_depth(owners, camera, stamp_s)
        outside_s = time.perf_counter() - begin - perception_s
        self.statistics.frame_processed(stamp_s, self._now_s() - stamp_s, outside_s, self.pipeline.stage_seconds)

    def _predict(self, hand: Hand) -> Hand:
        return self.pipeline.predict(hand, self._now_s())

    def _now_s(self) -> float:
        return self.get_clock().now().nanoseconds * 1e-9

    def _refuse(self, kind: str, text: str) -> None:
        self.statistics.frame_refused(kind, text)
        self._warn(text)

    def _warn(self, text: str) -> None:
        if self._troubles.is_due(text, time.monotonic()):
            self.get_logger().warning(text)

    def _begin_with_model(self) -> None:
        # Warm up, so that the first frame is as fast as the others.
        self.pipeline.process_single(np.zeros((480, 640, 3), np.uint8), Camera.from_hfov(640, 480, 60))
        self._outputs.set_model(self.pipeline.model_name, self.pipeline.faces, self.pipeline.network.vertex_count)

    def _set_hand_size(self, size_m: float) -> None:
        self._teleop.release(SIZE_CHANGED)
        self.pipeline.sizes.reset()
        if size_m > 0:
            self.pipeline.sizes.set(size_m)

    def _change_parameters(self, changes: list[Parameter[Any]]) -> None:
        changed = NodeParameters.changes_of(changes)
        parameters = self._settings.changed(changed)
        if parameters.hand_size_m > 0:
            HandSize(parameters.hand_size_m)  # refuses sizes that no hand has
        if "model" in changed:
            self._use_model(parameters.model)
        if parameters.for_pipeline() != self._settings.for_pipeline():
            self.pipeline.set_parameters(parameters.for_pipeline())
        if "hand_size_m" in changed:
            self._set_hand_size(parameters.hand_size_m)
        self._settings = parameters

    def _use_model(self, name_or_path: str) -> None:
        """Take another model; where it cannot be used, the one that runs stays."""
        before = self.pipeline.network
        self.pipeline.use_network(MeshNetwork(model_path(name_or_path), self._settings.threads))
        try:
            self._begin_with_model()
        except Exception:
            self.pipeline.use_network(before)
            raise
        self._teleop.release("another model was loaded")

    def _reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.forget_hands("all hands were reset")
        response.success, response.message = True, "all hands are forgotten and found anew; hand sizes are kept"
        return response

    def _set_enabled(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._enabled = request.data
        if not self._enabled:
            self.forget_hands("the node was disabled")
        response.success, response.message = True, "enabled" if self._enabled else "disabled: images are not looked at"
        return response

    def _calibrate_hand_size(self, request: CalibrateHandSize.Request, response: CalibrateHandSize.Response) -> CalibrateHandSize.Response:
        settings = self._settings
        depth = None if self._depth is None else DepthView(settings.depth_topic, self._depth.latest(), self._last_camera)
        calibrate_hand_size(
            self.pipeline.sizes, self._recent_hands, settings.hand_size_m, depth, settings.hand_size_file, request, response
        )
        if response.success:
            self._teleop.release(SIZE_CHANGED)
        return response

    def _publish_diagnostics(self) -> None:
        self._events.open = True
        self._teleop.watch()
        self._hear_camera_info()
        level, text = self.statistics.level()
        if not (self._enabled and self.active):
            level, text = DiagnosticStatus.OK, "disabled" if self.active else "inactive"
        if clock_is_missing(self):
            level, text = DiagnosticStatus.WARN, CLOCK_MISSING
        elif level == DiagnosticStatus.OK and self.count_publishers(self._hands_topic) > 1:
            level, text = (
                DiagnosticStatus.WARN,
                f"another node publishes {self._hands_topic}, too: give each a name and a namespace of its own",
            )
        if level == DiagnosticStatus.WARN and text != NO_IMAGES:
            self._warn(text)
        live = ", ".join(f"{hand.side.value} {hand.track_id} {hand.state.value}" for hand in self.pipeline.raw_hands)
        values = {
            "hands": live or "none",
            "model": self.pipeline.model_name,
            "model sha256": self.pipeline.network.sha256,
            "detector calls": str(self.pipeline.detector_calls),
            **{f"hand size {side.value} [mm]": self.pipeline.sizes.describe(side) for side in Side},
            **self._teleop.values(),
            **self.statistics.values(),
        }
        stamp = self.get_clock().now().to_msg()
        name = f"{self.get_fully_qualified_name()}: hands"
        camera = self._last_header.frame_id or "no image yet"
        self._diagnostics.publish(diagnostic_array(stamp, name, camera, level, text, values))


def main(argv: Sequence[str] | None = None) -> int:
    return spin(HandNode, argv)


if __name__ == "__main__":
    sys.exit(main())
