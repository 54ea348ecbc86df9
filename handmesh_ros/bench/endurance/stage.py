"""Everybody who takes part in an endurance run: camera and caller in this process, the node and its listener in others."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import PoseStamped, TransformStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import Bool
from tf2_msgs.msg import TFMessage

from handmesh_ros.bench.endurance.calls import Calls
from handmesh_ros.bench.endurance.camera import EnduranceCamera
from handmesh_ros.bench.fuzz.file_seeds import open_palm
from handmesh_ros.bench.fuzz.message_targets import MALFORMED
from handmesh_ros.bench.fuzz.wild import make_wild, malformed
from handmesh_ros.demo.processes import Processes, RosProcess
from handmesh_ros.messages.hand_array import HandArrayTemplate
from handmesh_ros.messages.types import Grasp, HandArray, Time, deserialize_message, serialize_message
from handmesh_ros.node.transport import use_large_shared_memory
from handmesh_ros.provision import DEFAULT_MODEL

OTHER_MODEL = "mobrecon_lite"
# Other ROS programs of the machine may have the same domain: names of this run alone keep them apart.
NAMESPACE = f"endurance_{os.getpid()}"
DISCOVERY_S = 30.0
IN_NAMESPACE = {"__ns": f"/{NAMESPACE}", "/tf": "tf", "/diagnostics": "diagnostics"}
ASIDE = IN_NAMESPACE | {"hands": "wild/fused", "/tf": "wild/tf", "/tf_static": "wild/tf_static", "/diagnostics": "wild/diagnostics"}
TELEOP_INPUTS = {f"right/{name}": f"wild/{name}" for name in ("target_pose", "grasp", "clutch")}


class EnduranceStage:
    """What :class:`faults.FaultStage` asks for, over real DDS in a domain of its own.

    Attributes:
        camera, calls: in this process.
        node: the hand node's process.
        deaths: of processes that nobody killed: name and the end of the log.
        wild_sent: how many wild messages, parameters and requests went out beside wild pictures.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._rng = folder, np.random.default_rng(seed)
        self._stack = ExitStack()
        self._processes = self._stack.enter_context(Processes(folder))
        self._model = DEFAULT_MODEL
        self._bystanders: list[RosProcess] = []
        self._wild_publishers: list[tuple[Any, Any]] = []
        self._stalled: RosProcess | None = None
        self.deaths: list[str] = []
        self.wild_sent = 0

    @property
    def heard(self) -> Path:
        """The file of the listener."""
        return self._folder / "heard.txt"

    def __enter__(self) -> EnduranceStage:
        with ExitStack() as stack:
            stack.push(self._stack)
            before = dict(os.environ)
            os.environ.update(self._processes.environment)
            use_large_shared_memory()
            context = Context()
            rclpy.init(context=context, domain_id=int(os.environ["ROS_DOMAIN_ID"]))
            self._stack.callback(rclpy.try_shutdown, context=context)
            # The first node reads domain, range and transport from the environment.
            self.camera = EnduranceCamera(context, NAMESPACE, self._rng)
            os.environ.clear()
            os.environ.update(before)
            self._executor = SingleThreadedExecutor(context=context)
            self._executor.add_node(self.camera)
            self.calls = Calls(self.camera, self._rng)
            self._listener = self._processes.start("handmesh_ros.bench.endurance.listener", {"out": str(self.heard)}, IN_NAMESPACE)
            self._start_node("raw")
            self._listener.wait_for_line("ready")
            stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in (*self._bystanders, *([self._stalled] if self._stalled else [])):
            process.send(signal.SIGKILL)
        self._stack.__exit__(kind, error, trace)

    def spin_until(self, time_s: float) -> None:
        """Handle what comes until this moment of the steady clock, and where it is over already, what has come."""
        for _ in range(self.calls.pending + 1):
            self._executor.spin_once(timeout_sec=0)
        while (left := time_s - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)
        self.calls.settle()

    def notice_deaths(self, during: str) -> None:
        """Write down what ended by itself; the hand node is started again."""
        for process in (*self._bystanders, self.node):
            if not process.running:
                self.deaths.append(f"{process.name} during '{during}', exit code {process.exit_code}:\n{process.read_log()[-1500:]}")
        if not self.node.running:
            self.calls.forgive()
            self._start_node("compressed" if self.camera.compressed else "raw")
        self._bystanders = [process for process in self._bystanders if process.running]

    # ---- what faults ask for ----

    def reconnect_camera(self) -> None:
        self.camera.connect()

    def start_stalled(self) -> None:
        """Another listener to everything, which takes its first messages and then none."""
        self._stalled = self._processes.start("handmesh_ros.bench.endurance.listener", {"out": str(self._folder / "stalled.txt")},
                                              {**IN_NAMESPACE, "__node": "stalled_listener"})  # fmt: skip
        self._stalled.wait_for_line("ready")
        self.spin_until(time.monotonic() + 0.5)
        self._stalled.send(signal.SIGSTOP)

    def end_stalled(self) -> None:
        if self._stalled is not None:
            self._stalled.send(signal.SIGKILL)
            self._stalled = None

    def switch_model(self) -> None:
        self._model = OTHER_MODEL if self._model == DEFAULT_MODEL else DEFAULT_MODEL
        self.calls.set_parameters(model=self._model)

    def hammer(self, number: int) -> None:
        self.calls.hammer(number)

    def end_hammering(self) -> None:
        self.calls.restore()

    def start_bystanders(self) -> None:
        """The other nodes that listen, to wild topics only."""
        fuse = {"hands_topics": "wild/hands wild/hands_aside", "common_frame": "camera_optical_frame"}
        teleop = {"target_frame": "base_link", "tool_frame": "tool0"}
        self._bystanders = [self._processes.start("handmesh_ros.node.fuse_node", fuse, ASIDE),
                            self._processes.start("handmesh_ros.node.teleop_node", teleop, {**ASIDE, **TELEOP_INPUTS})]  # fmt: skip
        for process in self._bystanders:
            process.wait_for_line("ready")
        topics = {
            "hands": _good_hands,
            "hands_aside": _good_hands,
            "tf": _good_tree,
            "target_pose": PoseStamped,
            "grasp": Grasp,
            "clutch": Bool,
        }
        self._wild_publishers = [(self.camera.create_publisher(type(make()), f"wild/{name}", 10), make) for name, make in topics.items()]

    def send_wild(self, number: int) -> None:
        for publisher, make in self._wild_publishers:
            message = make()
            if self._rng.random() < 0.8:
                make_wild(message, self._rng)
            if hasattr(message, "header") and self._rng.random() < 0.8:
                message.header.stamp = self.camera.get_clock().now().to_msg()
            content = bytes(serialize_message(message))
            publisher.publish(malformed(content, self._rng) if self._rng.random() < MALFORMED else content)
        self.wild_sent += len(self._wild_publishers)
        if number % 3 == 0:
            self.calls.wild()
            self.wild_sent += 2

    def end_bystanders(self) -> None:
        self.notice_deaths("wild messages")
        for process in self._bystanders:
            process.send(signal.SIGKILL)
        self._bystanders = []
        for publisher, _ in self._wild_publishers:
            self.camera.destroy_publisher(publisher)
        self._wild_publishers = []
        self.calls.restore()

    def restart_node(self) -> None:
        self._restart("raw")

    def restart_compressed(self) -> None:
        self._restart("compressed")

    def _restart(self, transport: str) -> None:
        self.node.send(signal.SIGKILL)
        self.calls.forgive()
        while self.node.running:
            time.sleep(0.01)
        self._start_node(transport)

    def _start_node(self, transport: str) -> None:
        self.camera.compressed = transport == "compressed"
        self._model = DEFAULT_MODEL
        self.node = self._processes.start(
            "handmesh_ros.node.hand_node", {"model": DEFAULT_MODEL, "image_transport": transport}, IN_NAMESPACE
        )
        self.node.wait_for_line("ready")
        self._wait(self.calls.ready)

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DISCOVERY_S
        while not condition() and time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.02)


def _good_hands() -> HandArray:
    hand = open_palm()
    template = HandArrayTemplate("camera_optical_frame", 1)
    return deserialize_message(template.fill(Time(), [hand], 0.01, {hand.track_id: 1.0}), HandArray)


def _good_tree() -> TFMessage:
    links = [TransformStamped(child_frame_id=child) for child in ("camera_optical_frame", "tool0")]
    for link in links:
        link.header.frame_id, link.transform.rotation.w = "base_link", 1.0
    return TFMessage(transforms=links)
