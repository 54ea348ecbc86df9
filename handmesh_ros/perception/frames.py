"""Orientations: of the crop's axes in the camera, and of the 21 joints.

A joint's frame: x along the bone towards the fingertip, z out of the back of the hand, y = z cross x; the same formula for both
hands, so a finger always bends about +y. The wrist's x points to the middle finger's mcp; a fingertip has its parent's
orientation.
"""

from __future__ import annotations

import math

import numpy as np

from handmesh_ros.hand import FloatArray


def viewing_ray_rotation(center_normalized: FloatArray) -> FloatArray:
    """(3, 3): crop axes to camera axes, without roll.

    The smallest turn that takes the optical axis to the ray through the crop's centre.

    Args:
        center_normalized: (2,) undistorted x/z, y/z of the crop's centre.
    """
    a, b = float(center_normalized[0]), float(center_normalized[1])
    length = math.sqrt(a * a + b * b + 1)
    x, y, z = a / length, b / length, 1 / length
    # Rodrigues' formula for the axis (0, 0, 1) x ray: its denominator 1 + z is at least 1, so nothing degenerates.
    k = 1 / (1 + z)
    return np.array([[1 - k * x * x, -k * x * y, x], [-k * x * y, 1 - k * y * y, y], [-x, -y, z]])
