"""LeRobot finds this package by its name, and the device by ``--teleop.type=handmesh``."""

from .config_handmesh import HandmeshTeleopConfig
from .handmesh import HandmeshTeleop

__all__ = ["HandmeshTeleop", "HandmeshTeleopConfig"]
