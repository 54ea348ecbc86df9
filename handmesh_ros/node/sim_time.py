"""Time from /clock (``use_sim_time``), and what a node says while none comes: its own timers and stamps wait for it silently."""

from __future__ import annotations

from rclpy.clock import Clock, ClockType
from rclpy.node import Node


def steady_clock() -> Clock:
    """For timers that must run whatever the node's time does."""
    return Clock(clock_type=ClockType.STEADY_TIME)


def clock_is_missing(node: Node) -> bool:
    """Whether the node's time is to come from /clock and none has come yet."""
    return bool(node.get_parameter("use_sim_time").value) and node.get_clock().now().nanoseconds == 0
