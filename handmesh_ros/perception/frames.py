"""Orientations: of the crop's axes in the camera, and of the 21 joints.

A joint's frame: x along the bone towards the fingertip, z out of the back of the hand, y = z cross x; the same formula for both
hands, so a finger always bends about +y. The wrist's x points to the middle finger's mcp; a fingertip has its parent's
orientation. docs/frames.md shows them.
"""

from __future__ import annotations

import math

import numpy as np

from handmesh_ros.hand import INDEX_MCP, JOINT_COUNT, LITTLE_MCP, MIDDLE_MCP, RING_MCP, WRIST, FloatArray, Side
from handmesh_ros.perception.vectors import LEAST_LENGTH, Vector, cross, dot, least, length, plus, row_crosses, row_dots, times

KNUCKLES = np.array([INDEX_MCP, MIDDLE_MCP, RING_MCP, LITTLE_MCP])
FINGER_COUNT, FINGER_JOINTS = 5, 4  # the joints 1..20: five fingers, each from its root to its tip
THUMB = 0
COORDINATE_AXES: tuple[Vector, ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
# How much a finger bends in its own plane, sin a + sin b + sin(a + b) for the angles a and b at its two middle joints: from START
# on (20 degrees each) the plane has a say in the finger's y, from FULL on (35 degrees each) it alone says. Below, the plane of
# joints almost in line is noise: on pictures of real hands it wavers by 15 degrees at START and by 10 at FULL.
BEND_START, BEND_FULL = 1.3, 2.1
OPPOSITE = 1e-9  # where 1 + a . b is below this, unit vectors a and b are opposite (chosen by hand: far above what rounding leaves)


def viewing_ray_rotation(center_normalized: FloatArray) -> FloatArray:
    """(3, 3): crop axes to camera axes, without roll.

    The smallest turn that takes the optical axis to the ray through the crop's centre.

    Args:
        center_normalized: (2,) undistorted x/z, y/z of the crop's centre.
    """
    a, b = center_normalized.tolist()
    length = math.sqrt(a * a + b * b + 1)
    x, y, z = a / length, b / length, 1 / length
    # Rodrigues' formula for the axis (0, 0, 1) x ray: its denominator 1 + z is at least 1, so nothing degenerates.
    k = 1 / (1 + z)
    return np.array([[1 - k * x * x, -k * x * y, x], [-k * x * y, 1 - k * y * y, y], [-x, -y, z]])


def joint_rotations(joints: FloatArray, side: Side) -> FloatArray:
    """Orientations of the joints.

    The palm gives the wrist's z: the sum of the cross products wrist -> neighbouring mcps, which no single noisy joint decides.
    Each further frame is its parent's, turned by the smallest rotation that brings x onto its bone; that never degenerates while
    a finger straightens. Where a finger is bent enough to have a plane of its own, that plane's normal takes over as its y,
    gradually, so nothing jumps.

    Args:
        joints: (21, 3), any origin, any unit.
        side: whose hand.

    Returns:
        (21, 3, 3) rotation matrices, columns x, y, z in the frame of ``joints``. Finite and orthonormal for any finite input.
    """
    joints = np.asarray(joints, float)
    handedness = 1.0 if side is Side.RIGHT else -1.0
    wrist = _wrist_rotation(joints, handedness)
    chains = joints[1:].reshape(FINGER_COUNT, FINGER_JOINTS, 3).transpose(1, 0, 2)
    x = np.empty((FINGER_JOINTS, FINGER_COUNT, 3))  # of the wrist, then of a finger's three bones
    x[0] = wrist[:, 0]
    np.subtract(chains[1:], chains[:-1], out=x[1:])
    _make_directions(x)

    y = np.empty_like(x)
    y[0] = wrist[:, 1]
    # The thumb is turned a quarter about its own axis: its nail looks sideways where the fingers' backs look up, and its bending
    # plane lies 85 to 110 degrees from theirs (the CC0 rig's fists, and the landmarks of 4687 pictures of real hands).
    y[0, THUMB] = -handedness * wrist[:, 2]
    # The smallest rotation carries y from bone to bone: y - (y . new) (old + new) / (1 + old . new), which is Rodrigues' formula for
    # vectors across the old x. Bent back by 180 degrees any axis would do: y stays as it is.
    sums = x[:-1] + x[1:]
    halves = 0.5 * row_dots(sums, sums)
    if least(halves) <= OPPOSITE:
        halves = np.where(halves > OPPOSITE, halves, np.inf)
    axes = sums / halves
    y[1] = _drawn_to_plane(y[0] - row_dots(y[0], x[1]) * axes[0], x[1], row_crosses(sums[1], sums[2]))
    y[2] = y[1] - row_dots(y[1], x[2]) * axes[1]
    y[3] = y[2] - row_dots(y[2], x[3]) * axes[2]

    # Copied, because numpy is several times slower on transposed arrays.
    return hand_rotations(wrist, x[1:].transpose(1, 0, 2).copy(), y[1:].transpose(1, 0, 2).copy())


def hand_rotations(wrist: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """The rotations (21, 3, 3) of a hand whose fingers' frames have these axes; a fingertip has its parent's.

    Args:
        wrist: (3, 3).
        x: (fingers, 3, 3) unit vectors along each finger's three bones, from knuckle to tip.
        y: (fingers, 3, 3) not parallel to x; taken as near as orthonormality allows.
    """
    rotations = np.empty((JOINT_COUNT, 3, 3))
    rotations[WRIST] = wrist
    y = _perpendicular(y, x)
    fingers = rotations[1:].reshape(FINGER_COUNT, FINGER_JOINTS, 3, 3)
    fingers[:, :-1, :, 0], fingers[:, :-1, :, 1], fingers[:, :-1, :, 2] = x, y, row_crosses(x, y)
    fingers[:, -1] = fingers[:, -2]
    return rotations


def bone_axes(rotations: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What ``hand_rotations`` made rotations (21, 3, 3) of: x and y (fingers, 3, 3)."""
    bones = rotations[1:].reshape(FINGER_COUNT, FINGER_JOINTS, 3, 3)[:, :-1]
    return bones[..., 0], bones[..., 1]


def _wrist_rotation(joints: FloatArray, handedness: float) -> FloatArray:
    index, middle, ring, little = ((x, y, z) for x, y, z in (joints[KNUCKLES] - joints[WRIST]).tolist())
    middle_length = length(middle)
    x = times(1.0 / middle_length, middle) if middle_length > LEAST_LENGTH else COORDINATE_AXES[0]
    # Twice the area of the fan of triangles, as a vector: out of a right hand's palm.
    area = plus(plus(cross(index, middle), 1.0, cross(middle, ring)), 1.0, cross(ring, little))
    y = cross(times(-handedness, area), x)
    if length(y) <= LEAST_LENGTH * max(middle_length, LEAST_LENGTH):  # a palm without area: any direction across x
        y = cross(min(COORDINATE_AXES, key=lambda axis: abs(dot(axis, x))), x)
    y = times(1.0 / length(y), y)
    return np.array([x, y, cross(x, y)]).T


def _make_directions(x: FloatArray) -> None:
    """Bones x[1:] (3, fingers, 3) to unit vectors, in place; a bone without length takes its parent's direction."""
    lengths = np.sqrt(row_dots(x[1:], x[1:]))
    if least(lengths) > LEAST_LENGTH:
        x[1:] /= lengths
        return
    for level in range(1, FINGER_JOINTS):
        long = lengths[level - 1] > LEAST_LENGTH
        x[level] = np.where(long, x[level] / np.where(long, lengths[level - 1], 1.0), x[level - 1])


def _drawn_to_plane(y: FloatArray, x: FloatArray, normals: FloatArray) -> FloatArray:
    """The fingers' first y, drawn to the normals of the planes that the fingers bend in.

    Args:
        y, x: (fingers, 3), across and along the first bone.
        normals: (fingers, 3), the sums of the cross products of a finger's three bones' directions.
    """
    # Counted about y: small for a straight finger, for one bent backwards, and for one that bends about another axis, which only a
    # bad measurement does.
    shares = [[_plane_share(bend)] for (bend,) in row_dots(normals, y).tolist()]
    if not any(share for (share,) in shares):
        return y
    normals = normals / np.maximum(np.sqrt(row_dots(normals, normals)), LEAST_LENGTH)
    return _perpendicular(y + np.array(shares) * (normals - y), x)


def _plane_share(bend: float) -> float:
    """How much a finger's plane has to say: 0 up to BEND_START, 1 from BEND_FULL on, smooth between."""
    part = min(max((bend - BEND_START) / (BEND_FULL - BEND_START), 0.0), 1.0)
    return part * part * (3.0 - 2.0 * part)


def _perpendicular(vectors: FloatArray, x: FloatArray) -> FloatArray:
    """The unit vectors across ``x`` nearest to ``vectors``, both (..., 3)."""
    across = vectors - row_dots(vectors, x) * x
    return across / np.sqrt(row_dots(across, across))
