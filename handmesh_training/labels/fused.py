"""The fused teacher: joints in space from what two generations of MediaPipe's network say of a picture and of its mirror image.

Each network alone is wrong in its own way, most of all in depth, so a weighted mean of them is nearer to the truth than either, and where
they disagree they are wrong: their spread says how much to trust a joint. Weights and spreads were chosen on renders, where the truth is
known (docs/pseudo-labels.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handmesh_ros.hand import WRIST, FloatArray
from handmesh_training.template.hand_template import bone_sum

# The 2020 network's depths are too small by this: on renders any factor from 2 to 2.5 is equally good.
DEPTH_FACTOR_2020 = 2.2
# Shares of the 2021 and the 2020 network in x, y and z. In the picture the older network only adds noise.
SHARES = np.array([[1.0, 1.0, 0.4], [0.0, 0.0, 0.6]])
# sigma^2 = FLOOR^2 + spread^2 in x, y and z, in sums of bone lengths. The likeliest floor for the errors on renders (Student's t, four
# degrees of freedom) is 0.0047, 0.0056, 0.0117; two thirds of it, as the error on 583 measured hands was two thirds of that on renders.
FLOOR = np.array([0.003, 0.004, 0.008])


@dataclass(frozen=True, eq=False)
class Fused:
    """Joints of N hands in the axes of their pictures: x right, y down, z away from the camera.

    The unit is the sum of the lengths of the hand's 20 bones, so that any template can bring them to its size. They are where the networks
    mark joints, not quite where a template has them.

    Attributes:
        keypoints: (N, 21, 2) pixels of the picture; joints: (N, 21, 3), wrist-relative; sigma: (N, 21, 3), standard deviations of joints
            about their common centre.
    """

    keypoints: FloatArray
    joints: FloatArray
    sigma: FloatArray


def fuse(keypoints: FloatArray, world: FloatArray, landmarks_2020: FloatArray) -> Fused:
    """One opinion from four: of both networks, each of the picture and, mapped back, of its mirror image.

    Args:
        keypoints: (N, 2, 21, 2) pixels, and world: (N, 2, 21, 3) metres, of the 2021 network.
        landmarks_2020: (N, 2, 21, 3) pixels, of the 2020 network; its depths in the same unit.
    """
    latest = on_screen(keypoints, world)
    earlier = landmarks_2020 * (1, 1, DEPTH_FACTOR_2020)
    opinions = np.stack([latest, earlier], axis=1)  # (N, network, look, joint, axis)
    opinions = opinions - opinions.mean(axis=3, keepdims=True)
    joints = (opinions.mean(axis=2) * SHARES[:, None]).sum(axis=1)
    spread = opinions.std(axis=(1, 2))
    joints = joints - joints[:, WRIST, None]
    size = bone_sum(joints)[:, None, None]
    return Fused(keypoints.mean(axis=1), joints / size, np.sqrt(FLOOR**2 + np.square(spread / size)))


def on_screen(keypoints: FloatArray, world: FloatArray) -> FloatArray:
    """(..., 21, 3): the 2021 network's keypoints (..., 21, 2) with the depth of its world landmarks (..., 21, 3), one unit for both."""
    return np.concatenate([keypoints, _extent(keypoints) / _extent(world) * world[..., 2:]], axis=-1)


def _extent(points: FloatArray) -> FloatArray:
    """(..., 1, 1) root mean square distance of (..., 21, D) points from their centre in the picture plane."""
    flat = points[..., :2] - points[..., :2].mean(axis=-2, keepdims=True)
    return np.asarray(np.sqrt(np.square(flat).sum(axis=(-2, -1), keepdims=True)))
