"""What ``lerobot-teleoperate --teleop....`` takes."""

from __future__ import annotations

from dataclasses import dataclass

from lerobot.teleoperators.config import TeleoperatorConfig


@TeleoperatorConfig.register_subclass("handmesh")
@dataclass
class HandmeshTeleopConfig(TeleoperatorConfig):
    """Of the teleoperator.

    Attributes:
        camera: a camera's index, a video or a folder of pictures.
        camera_info: a calibration file as camera_calibration writes it; empty: ``hfov_deg`` counts.
        hfov_deg: the camera's horizontal field of view.
        side: the hand that leads; the other one's pinch is the clutch.
        axis_map: what the robot's x, y and z are called in the camera's frame (x right, y down, z forward).
        scale: metres of the robot for a metre of the hand.
        reach_m: how far the robot is led from where it was engaged, along each axis.
        speed_mps, acceleration_mps2: limits.
        unit_m: metres for a delta of 1.
    """

    camera: str = "0"
    camera_info: str = ""
    hfov_deg: float = 60.0
    side: str = "right"
    axis_map: str = "-z x -y"
    scale: float = 1.0
    reach_m: float = 0.3
    speed_mps: float = 0.25
    acceleration_mps2: float = 2.0
    unit_m: float = 1.0
