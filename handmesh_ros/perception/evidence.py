"""What a network saw of one hand, as far as estimates over time need it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handmesh_ros.hand import FloatArray

MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class HandEvidence:
    """Of a hand in a frame, with the noise that the network's metadata states.

    Attributes:
        rays: (21, 2) undistorted x/z, y/z of the keypoints; ray_sigma: their noise, one axis.
        joints: (21, 3) relative to the wrist, camera axes, metres at the hand's assumed size; joint_sigma_m: their noise, one axis.
    """

    rays: FloatArray
    ray_sigma: float
    joints: FloatArray
    joint_sigma_m: float

    def mirrored(self) -> HandEvidence:
        """The same seen in a mirror: x of the camera negated."""
        return HandEvidence(self.rays * MIRROR[:2], self.ray_sigma, self.joints * MIRROR, self.joint_sigma_m)
