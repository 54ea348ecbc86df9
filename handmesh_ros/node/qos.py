"""Which of a topic's QoS policies a user may override by parameters, for every topic of the package."""

from __future__ import annotations

from rclpy.qos import QoSPolicyKind
from rclpy.qos_overriding_options import QoSOverridingOptions


def overridable() -> QoSOverridingOptions:
    """rclpy's default ones, and durability: a camera_info that was sent once and latched is heard by transient local listeners only."""
    return QoSOverridingOptions([QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY])
