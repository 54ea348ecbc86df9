"""What the executor need not wait for. Every entity costs each of its rounds some microseconds, and each round that wakes up half a
millisecond: more than most of what the node does with a frame."""

from __future__ import annotations

from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.subscription import Subscription


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


def take(subscription: Subscription) -> Any | None:
    """What waits in a subscription that the executor does not look at: its next message, or None."""
    with subscription.handle:
        taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
    return None if taken is None else taken[0]
