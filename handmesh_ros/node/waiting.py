"""What the executor need not wait for. Every entity costs each of its rounds some microseconds, and each round that wakes up half a
millisecond: more than most of what the node does with a frame."""

from __future__ import annotations

from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile

from handmesh_ros.errors import HandmeshError
from handmesh_ros.node.qos import overridable


class RclpyError(HandmeshError, RuntimeError):
    """This version of rclpy lacks something; the message says what, and which versions have it."""


class Occasional(CallbackGroup):
    """Entities that the executor looks at only while ``open``."""

    def __init__(self, open: bool = True) -> None:
        super().__init__()
        self.open = open

    def can_execute(self, entity: Any) -> bool:
        return self.open

    def beginning_execution(self, entity: Any) -> bool:
        return self.open

    def ending_execution(self, entity: Any) -> None:
        pass


class SleepingSubscription:
    """A subscription that wakes nobody: the executor does not look at it, its messages wait until they are taken.

    rclpy has no public call for that. ``handle.take_message`` is what its own executors take messages with, in every version that this
    package is for: Humble (rclpy 3.3), Iron (4.1), Jazzy (7.1) and Kilted (9.1).

    Raises:
        RclpyError: this rclpy has no such call.
    """

    def __init__(self, node: Node, message_type: type, topic: str, qos: QoSProfile, raw: bool = False) -> None:
        override = overridable()
        group = Occasional(open=False)
        self._subscription = node.create_subscription(
            message_type, topic, lambda _: None, qos, callback_group=group, qos_overriding_options=override, raw=raw
        )
        self._latest: Any | None = None
        if not hasattr(self._subscription.handle, "take_message"):
            raise RclpyError("this rclpy has no Subscription.handle.take_message: use it from ROS 2 Humble, Iron, Jazzy or Kilted")

    @property
    def subscription(self) -> Any:
        """For the node to destroy."""
        return self._subscription

    def take(self) -> Any | None:
        """The next message that waits (bytes where ``raw``), or None."""
        subscription = self._subscription
        with subscription.handle:
            taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
        return None if taken is None else taken[0]

    def latest(self) -> Any | None:
        """The newest that came, also when it was given before; None before the first."""
        self._latest = self.take() or self._latest
        return self._latest

    def take_all(self) -> list[Any]:
        """All that wait, oldest first."""
        return list(iter(self.take, None))
