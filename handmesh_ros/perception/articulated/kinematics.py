"""Where a skeleton's joints are, and how they move with its angles: forward kinematics of all fingers at once, with derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.articulated.skeleton import CHAIN, CHAIN_COUNT, DOFS, FINGER_FRAMES, PERSON
from handmesh_ros.perception.vectors import row_crosses

ROOTED = np.arange(CHAIN)[:, None] > np.array([0, 0, 0, 1, 2])  # (4, 5) whether a joint of the chain is moved by a dof
ROOTED_MASK = ROOTED[None, :, :, None].astype(float)
AFTER = (np.arange(CHAIN)[:, None] > np.arange(3)).astype(float)  # (4, 3) whether a joint lies beyond a bone


@dataclass(frozen=True, eq=False)
class Pose:
    """A right hand in camera axes.

    Attributes:
        wrist: (3,) metres; rotation: (3, 3), the wrist's frame; angles: (5, 5) radians.
    """

    wrist: FloatArray
    rotation: FloatArray
    angles: FloatArray


@dataclass(frozen=True, eq=False)
class Bones:
    """Metres.

    Attributes:
        roots: (5, 3) in the wrist's frame; lengths: (5, 3).
    """

    roots: FloatArray
    lengths: FloatArray


@dataclass(frozen=True, eq=False)
class Chains:
    """A posed skeleton; F the five fingers, C the four joints of each.

    Attributes:
        points: (F, C, 3) the joints 1..20, camera axes, relative to the wrist.
        axes: (F, 5, 3) what each dof turns about.
        directions: (F, 3, 3) of the bones, rows.
        hinges: (F, 3) the y of the finger's joints.
    """

    points: FloatArray
    axes: FloatArray
    directions: FloatArray
    hinges: FloatArray

    def by_angles(self) -> FloatArray:
        """(F, C, 5, 3) derivatives of the joints by the angles."""
        centers = self.points[:, [0, 0, 0, 1, 2]]
        arms = (self.points[:, :, None] - centers[:, None]) * ROOTED_MASK
        return row_crosses(np.broadcast_to(self.axes[:, None], arms.shape), arms)

    def by_person(self, pose: Pose, bones: Bones, size_m: float) -> FloatArray:
        """(F, C, 6, 3) derivatives by the root's place, as a share of the size, and by the logarithms of the bones' lengths."""
        result = np.empty((CHAIN_COUNT, CHAIN, PERSON, 3))
        result[:, :, :3] = size_m * pose.rotation.T
        result[:, :, 3:] = (bones.lengths[..., None] * self.directions)[:, None] * AFTER[None, :, :, None]
        return result


def posed(pose: Pose, bones: Bones) -> Chains:
    """The skeleton in a pose."""
    sines, cosines = np.sin(pose.angles), np.cos(pose.angles)
    sa, sb, sc, s2, _ = sines.T
    ca, cb, cc, c2, _ = cosines.T
    last = pose.angles[:, 3] + pose.angles[:, 4]
    s3, c3 = np.sin(last), np.cos(last)
    bases = pose.rotation @ FINGER_FRAMES  # (F, 3, 3)
    # Columns in the finger's frame: where abduction's axis, x, y and z of the root go.
    local = np.empty((CHAIN_COUNT, 3, 4))
    local[:, 0, 0], local[:, 1, 0], local[:, 2, 0] = sa, 0.0, ca
    local[:, 0, 1], local[:, 1, 1], local[:, 2, 1] = ca * cb, sb, -sa * cb
    y0, y1, y2 = -ca * sb, cb, sa * sb
    local[:, 0, 2], local[:, 1, 2], local[:, 2, 2] = cc * y0 + sc * sa, cc * y1, cc * y2 + sc * ca
    local[:, 0, 3], local[:, 1, 3], local[:, 2, 3] = cc * sa - sc * y0, -sc * y1, cc * ca - sc * y2
    turned = (bases @ local).transpose(0, 2, 1)  # (F, 4, 3)
    x, y, z = turned[:, 1], turned[:, 2], turned[:, 3]
    directions = np.empty((CHAIN_COUNT, 3, 3))
    directions[:, 0] = x
    directions[:, 1] = c2[:, None] * x - s2[:, None] * z
    directions[:, 2] = c3[:, None] * x - s3[:, None] * z
    points = np.empty((CHAIN_COUNT, CHAIN, 3))
    points[:, 0] = bones.roots @ pose.rotation.T
    points[:, 1:] = bones.lengths[..., None] * directions
    np.add.accumulate(points, axis=1, out=points)
    axes = np.empty((CHAIN_COUNT, DOFS, 3))
    axes[:, 0], axes[:, 1], axes[:, 2], axes[:, 3], axes[:, 4] = bases[:, :, 1], turned[:, 0], x, y, y
    return Chains(points, axes, directions, y)


def pose_near(joints: FloatArray, rotation: FloatArray) -> Pose:
    """The pose that comes near free joints (21, 3), camera axes: the bones' directions without regard to lengths, no roll.

    Args:
        rotation: (3, 3) of the wrist.
    """
    fingers = joints[1:].reshape(CHAIN_COUNT, CHAIN, 3)
    bones = np.diff(fingers, axis=1) @ (rotation @ FINGER_FRAMES)  # rows in each finger's frame
    x, y, z = bones.transpose(2, 0, 1)
    angles = np.zeros((CHAIN_COUNT, DOFS))
    angles[:, 0] = a = np.arctan2(-z[:, 0], x[:, 0])
    angles[:, 1] = b = np.arctan2(y[:, 0], np.hypot(x[:, 0], z[:, 0]))
    sa, ca, sb, cb = np.sin(a)[:, None], np.cos(a)[:, None], np.sin(b)[:, None], np.cos(b)[:, None]
    along = x[:, 1:] * ca * cb + y[:, 1:] * sb - z[:, 1:] * sa * cb
    down = x[:, 1:] * sa + z[:, 1:] * ca
    bends = np.arctan2(-down, along)
    angles[:, 3] = bends[:, 0]
    angles[:, 4] = np.remainder(bends[:, 1] - bends[:, 0] + 0.75 * np.pi, 2 * np.pi) - 0.75 * np.pi
    return Pose(joints[0], rotation, angles)
