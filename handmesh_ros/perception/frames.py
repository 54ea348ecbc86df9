"""Orientations: of the crop's axes in the camera, and of the 21 joints.

A joint's frame: x along the bone towards the fingertip, z out of the back of the hand, y = z cross x; the same formula for both
hands, so a finger always bends about +y. The wrist's x points to the middle finger's mcp; a fingertip has its parent's
orientation. docs/frames.md shows them.
"""

from __future__ import annotations

import math

import numpy as np

from handmesh_ros.hand import INDEX_MCP, JOINT_COUNT, LITTLE_MCP, MIDDLE_MCP, RING_MCP, WRIST, FloatArray, Side

FINGERS, LEVELS = 5, 4  # the joints 1..20: five fingers, each from its root to its tip
THUMB = 0
# How much a finger bends in its own plane, sin a + sin b + sin(a + b) for the angles a and b at its two middle joints: from START
# on (20 degrees each) the plane has a say in the finger's y, from FULL on (35 degrees each) it alone says. Below, the plane of
# joints almost in line is noise: on pictures of real hands it wavers by 15 degrees at START and by 10 at FULL.
BEND_START, BEND_FULL = 1.3, 2.1
TINY = 1e-9
MIN_ACROSS = 1e-6
YZX = [1, 2, 0]


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
    rotations = np.empty((JOINT_COUNT, 3, 3))
    rotations[WRIST] = wrist = _wrist_rotation(joints, handedness)
    chains = joints[1:].reshape(FINGERS, LEVELS, 3)
    x = _directions(chains[:, 1:] - chains[:, :-1], wrist[:, 0])

    y = np.empty_like(x)
    parent_y = np.repeat(wrist[None, :, 1], FINGERS, axis=0)
    # The thumb is turned a quarter about its own axis: its nail looks sideways where the fingers' backs look up, and its bending
    # plane lies 85 to 110 degrees from theirs (the CC0 rig's fists, and the landmarks of 4687 pictures of real hands).
    parent_y[THUMB] = -handedness * wrist[:, 2]
    y[:, 0] = _drawn_to_plane(_carried(parent_y, wrist[None, :, 0], x[:, 0]), x)
    y[:, 1] = _carried(y[:, 0], x[:, 0], x[:, 1])
    y[:, 2] = _carried(y[:, 1], x[:, 1], x[:, 2])
    y = _perpendicular(y, x)

    fingers = rotations[1:].reshape(FINGERS, LEVELS, 3, 3)
    fingers[:, :3, :, 0], fingers[:, :3, :, 1], fingers[:, :3, :, 2] = x, y, _cross(x, y)
    fingers[:, 3] = fingers[:, 2]
    return rotations


def _wrist_rotation(joints: FloatArray, handedness: float) -> FloatArray:
    wrist = joints[WRIST]
    index, middle, ring, little = (joints[[INDEX_MCP, MIDDLE_MCP, RING_MCP, LITTLE_MCP]] - wrist).tolist()
    length = math.sqrt(sum(value * value for value in middle))
    x = [value / length for value in middle] if length > TINY else [1.0, 0.0, 0.0]
    # Twice the area of the fan of triangles, as a vector: out of a right hand's palm.
    palm = [sum(parts) for parts in zip(_cross3(index, middle), _cross3(middle, ring), _cross3(ring, little), strict=True)]
    y = _cross3([-handedness * value for value in palm], x)
    size = math.sqrt(sum(value * value for value in y))
    if size <= TINY * length:  # a palm without area: any direction across x
        axis = min(range(3), key=lambda i: abs(x[i]))
        y = _cross3([float(i == axis) for i in range(3)], x)
        size = math.sqrt(sum(value * value for value in y))
    y = [value / size for value in y]
    return np.array([x, y, _cross3(x, y)]).T


def _directions(bones: FloatArray, root: FloatArray) -> FloatArray:
    """Unit vectors (fingers, 3, 3) along the bones; a bone without length keeps its parent's direction."""
    lengths = np.sqrt(_dot(bones, bones))
    if lengths.min() > TINY:
        return bones / lengths
    x = bones / np.maximum(lengths, TINY)
    for level in range(LEVELS - 1):
        parent = root if level == 0 else x[:, level - 1]
        x[:, level] = np.where(lengths[:, level] > TINY, x[:, level], parent)
    return x


def _carried(vectors: FloatArray, old: FloatArray, new: FloatArray) -> FloatArray:
    """Carry vectors perpendicular to ``old`` along by the smallest rotation from ``old`` to ``new``, all (fingers, 3) unit vectors.

    Rodrigues' formula for such vectors. Bent back by 180 degrees any axis would do, and the limit below picks one.
    """
    both = old + new
    return vectors - _dot(vectors, new) / np.maximum(0.5 * _dot(both, both), TINY) * both


def _drawn_to_plane(y: FloatArray, x: FloatArray) -> FloatArray:
    """The fingers' y (fingers, 3), drawn to the normals of the planes that the fingers bend in; ``x`` (fingers, 3, 3) of all bones."""
    normals = _cross(x[:, 0], x[:, 1] + x[:, 2]) + _cross(x[:, 1], x[:, 2])
    # Counted about y: small for a straight finger, for one bent backwards, and for one that bends about another axis, which only a
    # bad measurement does.
    bend = np.clip((_dot(normals, y) - BEND_START) / (BEND_FULL - BEND_START), 0.0, 1.0)
    share = bend * bend * (3 - 2 * bend)
    normals /= np.maximum(np.sqrt(_dot(normals, normals)), TINY)
    return _perpendicular(y + share * (normals - y), x[:, 0])


def _perpendicular(vectors: FloatArray, x: FloatArray) -> FloatArray:
    """The unit vectors across ``x`` nearest to ``vectors``, both (..., 3)."""
    across = vectors - _dot(vectors, x) * x
    lengths = np.sqrt(_dot(across, across))
    if lengths.min() < MIN_ACROSS:
        rescue = np.cross(x, np.eye(3)[np.abs(x).argmin(axis=-1)])
        across = np.where(lengths < MIN_ACROSS, rescue, across)
        lengths = np.sqrt(_dot(across, across))
    return across / lengths


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.einsum("...i,...i->...", a, b)[..., None]


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """np.cross for (..., 3), several times faster."""
    return (a * b[..., YZX] - a[..., YZX] * b)[..., YZX]


def _cross3(a: list[float], b: list[float]) -> list[float]:
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
