"""The hand in other people's joint sets: WebXR's 25, OpenXR's 26, and dex-retargeting's 21 points in the wrist's frame.

WebXR and OpenXR count a finger's bones from the carpus: ``proximal`` is the knuckle (our mcp), ``intermediate`` our pip, ``distal``
our dip; the thumb's ``metacarpal``, ``proximal``, ``distal`` are our cmc, mcp, ip. Nobody measures the roots of the four finger
metacarpals: they are there, NaN and marked invalid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handmesh_ros.hand import INDEX_MCP, JOINT_COUNT, MIDDLE_MCP, WRIST, FloatArray, Side

_FINGERS = ("index", "middle", "ring", "little")
_BONES = ("metacarpal", "proximal", "intermediate", "distal", "tip")

WEBXR_NAMES = (
    "wrist",
    *(f"thumb_{bone}" for bone in ("metacarpal", "proximal", "distal", "tip")),
    *(f"{finger}_{bone}" for finger in _FINGERS for bone in _BONES),
)
OPENXR_NAMES = ("palm", *WEBXR_NAMES)

# Which of our joints each WebXR joint is; -1 where nothing is measured.
WEBXR_SOURCES = np.array([0, 1, 2, 3, 4, *(source for mcp in (5, 9, 13, 17) for source in (-1, mcp, mcp + 1, mcp + 2, mcp + 3))])

# Optical axes (x right, y down, z forward) to the axes of OpenXR and WebXR (x right, y up, z backwards).
XR_FROM_OPTICAL = np.diag([1.0, -1.0, -1.0])
# Their joint axes: -z along the bone, y out of the back of the hand. Columns in our joint axes: -y, z, -x.
_XR_JOINT_AXES = np.array([[0.0, 0, -1], [-1, 0, 0], [0, 1, 0]])

# dex-retargeting's OPERATOR2MANO: from its wrist frame to MANO's.
_DEX_TO_MANO = {
    Side.RIGHT: np.array([[0.0, 0, -1], [-1, 0, 0], [0, 1, 0]]),
    Side.LEFT: np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]]),
}


@dataclass(frozen=True, eq=False)
class JointSet:
    """A hand in another joint set.

    Attributes:
        names: of the N joints.
        positions: (N, 3) metres; x right, y up, z backwards as the camera looks. NaN where invalid.
        rotations: (N, 3, 3), columns in the same axes: -z along the bone towards the fingertip, y out of the back of the hand.
        valid: (N,) bool, False for joints that are not measured.
    """

    names: tuple[str, ...]
    positions: FloatArray
    rotations: FloatArray
    valid: np.ndarray


def webxr(joints: FloatArray, rotations: FloatArray) -> JointSet:
    """WebXR's 25 joints from ours.

    Args:
        joints: (21, 3) camera frame, metres.
        rotations: (21, 3, 3) as ``frames.joint_rotations`` gives them.
    """
    valid = WEBXR_SOURCES >= 0
    positions = (joints @ XR_FROM_OPTICAL.T)[WEBXR_SOURCES]
    turned = (XR_FROM_OPTICAL @ rotations @ _XR_JOINT_AXES)[WEBXR_SOURCES]
    positions[~valid], turned[~valid] = np.nan, np.nan
    return JointSet(WEBXR_NAMES, positions, turned, valid)


def openxr(joints: FloatArray, rotations: FloatArray) -> JointSet:
    """OpenXR's 26 joints (XrHandJointEXT's order): WebXR's behind the palm, which lies in the middle of the middle metacarpal."""
    rest = webxr(joints, rotations)
    palm = (joints[WRIST] + joints[MIDDLE_MCP]) / 2 @ XR_FROM_OPTICAL.T
    return JointSet(
        OPENXR_NAMES,
        np.concatenate([palm[None], rest.positions]),
        np.concatenate([rest.rotations[:1], rest.rotations]),
        np.concatenate([[True], rest.valid]),
    )


def dex_retargeting(joints: FloatArray, side: Side) -> FloatArray:
    """The 21 points (21, 3) that dex-retargeting takes: metres, from the wrist, in MANO's axes of that side.

    Its wrist frame: x from the middle mcp to the wrist, the normal that of wrist, index mcp and middle mcp, z towards the index.

    Args:
        joints: (21, 3) camera frame, metres.

    Raises:
        ValueError: not 21 joints, or wrist, index and middle mcp in one line.
    """
    joints = np.asarray(joints, float)
    if joints.shape != (JOINT_COUNT, 3):
        raise ValueError(f"expected ({JOINT_COUNT}, 3) joints, got {joints.shape}")
    centred = joints - joints[WRIST]
    index, middle = centred[INDEX_MCP], centred[MIDDLE_MCP]
    x = -middle
    normal = np.cross(index, middle)
    z = np.cross(x, normal)
    if z @ (index - middle) < 0:
        normal, z = -normal, -z
    frame = np.column_stack([x, normal, z])
    lengths = np.linalg.norm(frame, axis=0)
    if not (lengths > 1e-12).all():
        raise ValueError("wrist, index mcp and middle mcp lie in one line: the hand has no palm")
    points: FloatArray = centred @ (frame / lengths) @ _DEX_TO_MANO[side]
    return points
