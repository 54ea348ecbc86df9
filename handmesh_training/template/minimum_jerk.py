"""How a hand moves from one place to the next."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import FloatArray


def minimum_jerk(part: FloatArray) -> FloatArray:
    """Part of the way gone at a part of the time, as human arms reach (Flash and Hogan 1985): its peak speed is 1.875 times its mean.

    From 0 to 1 with speed and acceleration zero at both ends; before and after it stays there.
    """
    s = np.clip(part, 0.0, 1.0)
    return s**3 * (10.0 - 15.0 * s + 6.0 * s * s)
