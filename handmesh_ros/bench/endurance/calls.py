"""Requests to the hand node, steady and hammered: each must be answered, whatever the answer is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool, Trigger

from handmesh_ros.bench.fuzz.message_targets import wild_parameter
from handmesh_ros.bench.fuzz.wild import make_wild
from handmesh_ros.node.parameters import NodeParameters
from handmesh_ros.srv import CalibrateHandSize

NODE = "hand_node"
MOST_WAITING = 5
LOST_AFTER_S = 15.0  # a model that is loaded takes up to 3 s on a busy machine
SERVICES: Mapping[str, Any] = {
    "set_parameters": SetParameters, "calibrate_hand_size": CalibrateHandSize, "reset": Trigger, "set_enabled": SetBool,
    "left/clutch": SetBool, "right/clutch": SetBool,
}  # fmt: skip


class Calls:
    """Asks without waiting.

    Attributes:
        asked, answered, lost: how many requests so far; those of a node that was killed are forgiven.
        slowest_s: the longest that an answer took.
    """

    def __init__(self, node: Node, rng: np.random.Generator) -> None:
        self._clients: dict[str, Any] = {name: node.create_client(kind, f"{NODE}/{name}") for name, kind in SERVICES.items()}
        self._rng = rng
        self._waiting: list[tuple[Any, str, float]] = []  # future, service, when it was asked
        self.asked = self.answered = 0
        self.lost: Counter[str] = Counter()
        self.slowest_s = 0.0

    def ready(self) -> bool:
        """Whether the node's services are there."""
        return all(client.service_is_ready() for client in self._clients.values())

    def ask(self, service: str, request: Any) -> None:
        """Ask, unless so many requests of this service wait already: ROS keeps ten of them, and drops what comes in excess."""
        if sum(waiting == service for _, waiting, _ in self._waiting) < MOST_WAITING:
            self._ask(service, request)

    def _ask(self, service: str, request: Any) -> None:
        self.asked += 1
        self._waiting.append((self._clients[service].call_async(request), service, time.monotonic()))

    def settle(self) -> None:
        """Count what was answered, and what never will be."""
        now = time.monotonic()
        waiting = []
        for future, service, asked_s in self._waiting:
            if future.done():
                self.answered += 1
                self.slowest_s = max(self.slowest_s, now - asked_s)
            elif now - asked_s > LOST_AFTER_S:
                self.lost[service] += 1
                self._clients[service].remove_pending_request(future)
            else:
                waiting.append((future, service, asked_s))
        self._waiting = waiting

    def forgive(self) -> None:
        """The node is killed: nobody can answer any more."""
        for future, service, _ in self._waiting:
            self._clients[service].remove_pending_request(future)
            self.asked -= 1
        self._waiting = []

    @property
    def pending(self) -> int:
        return len(self._waiting)

    def set_parameters(self, **values: Any) -> None:
        """Never left out: what is set back must be."""
        self._ask("set_parameters", SetParameters.Request(parameters=[Parameter(n, value=v).to_parameter_msg() for n, v in values.items()]))

    def steady(self, number: int) -> None:
        """The next of what a user asks now and then, of which nothing disturbs the hands for long."""
        kind = number % 6
        if kind == 0:
            self.set_parameters(acceleration_mps2=(2.0, 3.0)[number // 6 % 2])
        elif kind == 1:
            self.set_parameters(max_hands="several")
        elif kind == 2:
            self.ask("right/clutch", SetBool.Request(data=True))
        elif kind == 3:
            self.ask("calibrate_hand_size", CalibrateHandSize.Request(size_m=0.09))
        elif kind == 4:
            self.ask("right/clutch", SetBool.Request(data=False))
        else:
            self.set_parameters(marker_rate_hz=15.0, smoothing=True)

    def hammer(self, number: int) -> None:
        """All services at once, also what makes the node forget everything or stop."""
        if number % 5 == 0:
            self.set_parameters(acceleration_mps2=float(self._rng.uniform(0.1, 50.0)), max_hands=int(self._rng.integers(0, 6)))
        for side in ("left", "right"):
            self.ask(f"{side}/clutch", SetBool.Request(data=bool(self._rng.integers(2))))
        self.ask("calibrate_hand_size", CalibrateHandSize.Request(size_m=float(self._rng.uniform(0.0, 0.2))))
        self.ask("reset", Trigger.Request())
        self.ask("set_enabled", SetBool.Request(data=number % 2 == 0))

    def wild(self) -> None:
        """What nobody means."""
        parameters = [wild_parameter(self._rng) for _ in range(self._rng.integers(0, 4))]
        if all(map(_rclpy_reads, parameters)):
            self.ask("set_parameters", SetParameters.Request(parameters=parameters))
        else:  # nobody is answered
            self._clients["set_parameters"].call_async(SetParameters.Request(parameters=parameters))
        request = CalibrateHandSize.Request()
        make_wild(request, self._rng)
        self.ask("calibrate_hand_size", request)

    def restore(self) -> None:
        """All as at the beginning."""
        self._ask("set_enabled", SetBool.Request(data=True))
        at_start = {"threads", "image_transport", "hand_size_file", "depth_topic", "model"}
        self.set_parameters(**{name: value for name, value in vars(NodeParameters()).items() if name not in at_start})
        self._ask("calibrate_hand_size", CalibrateHandSize.Request())


def _rclpy_reads(message: ParameterMessage) -> bool:
    """False where rclpy's own service raises: types that do not exist, lists of bytes."""
    try:
        Parameter.from_parameter_msg(message)
    except (TypeError, ValueError):
        return False
    return True
