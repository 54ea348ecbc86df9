"""A hand as 20 joint angles, and back: four a finger, as robots name joints.

The model: every finger is a chain of bones that starts at a fixed place of the palm and turns by abduction and flexion at its root, and by
flexion at the two joints that follow. Angles are exact for hands of that model, whatever their bones' lengths.
"""

from __future__ import annotations

import math

import numpy as np

from handmesh_ros.hand import FINGERS, JOINT_COUNT, MIDDLE_MCP, WRIST, FloatArray, Side
from handmesh_ros.hand_proportions import PHALANX_LENGTHS, ROOT_PLACES

# Of each finger, from its root on. Flexion is positive towards the palm. Abduction turns about the back of the hand's normal: positive to
# the thumb's side, on both hands.
THUMB_ANGLES = ("cmc_abduction", "cmc_flexion", "mcp_flexion", "ip_flexion")
FINGER_ANGLES = ("mcp_abduction", "mcp_flexion", "pip_flexion", "dip_flexion")
ANGLE_NAMES = tuple(f"{finger}_{angle}" for finger in FINGERS for angle in (THUMB_ANGLES if finger == "thumb" else FINGER_ANGLES))

# The thumb at rest: along its metacarpal, and the axis that it bends about (mean normal of its bones where they are bent).
_THUMB_ALONG, _THUMB_AXIS = np.array([0.767, 0.600, -0.229]), np.array([-0.512, -0.121, -0.849])

# Abduction means nothing where the finger stands upright on the palm; with this it fades there: at 60 degrees of flexion by 8 %.
ABDUCTION_FADE = 0.02
_MIRROR = np.array([1.0, -1.0, 1.0])


def _thumb_base() -> FloatArray:
    x = _THUMB_ALONG / np.linalg.norm(_THUMB_ALONG)
    y = _THUMB_AXIS - x * (x @ _THUMB_AXIS)
    y /= np.linalg.norm(y)
    return np.column_stack([x, y, np.cross(x, y)])


BASES = np.stack([_thumb_base(), *[np.eye(3)] * 4])  # (5, 3, 3) axes of a right hand's fingers at rest, in the wrist's


def finger_angles(joints: FloatArray, wrist_rotation: FloatArray, side: Side) -> FloatArray:
    """The angles (20,) of a hand, radians, in the order of ANGLE_NAMES.

    Args:
        joints: (21, 3), any unit and frame.
        wrist_rotation: (3, 3), the wrist's axes in that frame.
    """
    local = (np.asarray(joints, float) - joints[WRIST]) @ wrist_rotation
    if side is Side.LEFT:
        local = local * _MIRROR
    chains = local[1:].reshape(len(FINGERS), 4, 3)
    angles = np.zeros((len(FINGERS), 4))
    for chain, base, found in zip(chains, BASES, angles, strict=True):
        x, y, z = (base.T @ (chain[1] - chain[0])).tolist()
        norm2 = max(x * x + y * y + z * z, 1e-18)
        found[0] = math.atan2(x * y, x * x + ABDUCTION_FADE * norm2)
        turn = base @ about_z(found[0])
        for bone in range(3):
            x, _, z = (turn.T @ (chain[bone + 1] - chain[bone])).tolist()
            found[bone + 1] = math.atan2(-z, x)
            turn = turn @ about_y(found[bone + 1])
    return angles.reshape(-1)


def posed_joints(angles: FloatArray, side: Side, size_m: float) -> FloatArray:
    """The joints (21, 3) of a hand of the table's proportions, metres, in its wrist's axes.

    Args:
        angles: (20,), radians, in the order of ANGLE_NAMES.
        size_m: wrist to middle mcp.
    """
    joints = np.zeros((JOINT_COUNT, 3))
    for finger, (abduction, *flexions) in enumerate(np.reshape(angles, (len(FINGERS), 4)).tolist()):
        place, turn = ROOT_PLACES[finger], BASES[finger] @ about_z(abduction)
        joints[1 + 4 * finger] = place
        for bone, flexion in enumerate(flexions):
            turn = turn @ about_y(flexion)
            place = place + PHALANX_LENGTHS[finger, bone] * turn[:, 0]
            joints[2 + 4 * finger + bone] = place
    scaled: FloatArray = size_m * joints / np.linalg.norm(joints[MIDDLE_MCP])
    return scaled * _MIRROR if side is Side.LEFT else scaled


def about_y(angle: float) -> FloatArray:
    sine, cosine = math.sin(angle), math.cos(angle)
    return np.array([[cosine, 0.0, sine], [0.0, 1.0, 0.0], [-sine, 0.0, cosine]])


def about_z(angle: float) -> FloatArray:
    sine, cosine = math.sin(angle), math.cos(angle)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
