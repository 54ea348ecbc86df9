"""What the hand node costs beside its networks: CPU time of the whole process per frame, over real DDS, at 30 Hz and 640x480."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from handmesh_ros.demo.processes import ProcessError
from handmesh_ros.msg import HandArray, HandMesh
from handmesh_ros.node.hand_node import HandNode
from handmesh_ros.node.process import keep_memory
from handmesh_ros.node.transport import use_large_shared_memory
from handmesh_ros.perception.detect import PalmDetector
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.provision import DEFAULT_MODEL

MOST_WAIT_S = 60.0


@dataclass(frozen=True)
class NodeCost:
    """CPU milliseconds a frame of the process that runs the hand node, every thread counted.

    Attributes:
        networks_ms: in the networks (mesh network and palm detector).
        outside_ms: everything else: transport, image, crop, placement, tracking, estimate, messages.
        frames: that were measured.
    """

    networks_ms: float
    outside_ms: float
    frames: int


def measure_node(video: Path, model: str = DEFAULT_MODEL, frames: int = 200, warm_up: int = 30) -> NodeCost:
    """Play a video to the node from another process, with subscribers on hands, TF, mesh and markers.

    Raises:
        ProcessError: too few frames come.
    """
    os.environ.update(ROS_DOMAIN_ID=str(1 + os.getpid() % 100), ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
    keep_memory()
    use_large_shared_memory()
    rclpy.init(args=["bench", "--ros-args", "-p", f"model:={model}", "-p", "max_hands:=1"])
    play = ["-p", f"input:='{video}'", "-p", "loop:=true", "-p", "hfov_deg:=56.0"]
    camera = subprocess.Popen([sys.executable, "-m", "handmesh_ros.node.camera_node", "--ros-args", *play], stdout=subprocess.DEVNULL)
    with ExitStack() as stack:
        stack.callback(rclpy.try_shutdown)
        stack.callback(camera.wait)
        stack.callback(camera.terminate)
        node = HandNode()
        listener = Node("bench_listener")  # never spun: what a subscriber does with a message is not this node's cost
        for topic, message_type in (("hands", HandArray), ("/tf", TFMessage), ("mesh", HandMesh), ("markers", MarkerArray)):
            listener.create_subscription(message_type, topic, lambda _: None, 1)
        meter = _CpuMeter()
        stack.enter_context(meter.around(MeshNetwork, "predict"))
        stack.enter_context(meter.around(PalmDetector, "detect"))
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        _spin_frames(executor, node, warm_up)
        meter.seconds = 0.0
        first, begin = node.statistics.processed, time.process_time()
        _spin_frames(executor, node, frames)
        total_s = time.process_time() - begin
        measured = node.statistics.processed - first
        networks_ms = 1e3 * meter.seconds / measured
        listener.destroy_node()
        node.destroy_node()
        return NodeCost(networks_ms, 1e3 * total_s / measured - networks_ms, measured)


class _CpuMeter:
    """Adds up the CPU time of the calling thread inside some functions."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def around(self, owner: type, name: str) -> Iterator[None]:
        """Measure a method of a class while the ``with`` block lasts."""
        original: Callable[..., Any] = getattr(owner, name)

        def measured(*args: Any, **kwargs: Any) -> Any:
            begin = time.thread_time()
            try:
                return original(*args, **kwargs)
            finally:
                self.seconds += time.thread_time() - begin

        setattr(owner, name, measured)
        try:
            yield
        finally:
            setattr(owner, name, original)


def _spin_frames(executor: SingleThreadedExecutor, node: HandNode, frames: int) -> None:
    target, deadline = node.statistics.processed + frames, time.monotonic() + MOST_WAIT_S + frames / 10
    while node.statistics.processed < target:
        if time.monotonic() > deadline:
            raise ProcessError(f"only {node.statistics.processed} frames came: does the camera node run, can the video be read?")
        executor.spin_once(timeout_sec=0.1)
