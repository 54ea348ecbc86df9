"""What teleoperation refuses."""

from __future__ import annotations

from handmesh_ros.errors import HandmeshError


class TeleopError(HandmeshError, ValueError):
    """Settings that cannot be, or a tool that is where it must not be; the message says which and what to do."""
