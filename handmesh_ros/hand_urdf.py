"""A human hand as a URDF, of the mean proportions: robot_state_publisher turns ``joint_states`` into its links."""

from __future__ import annotations

import numpy as np
from transforms3d.euler import mat2euler

from handmesh_ros.finger_angles import ANGLE_NAMES, BASES
from handmesh_ros.hand import FINGERS, JOINT_NAMES, Side
from handmesh_ros.hand_proportions import PHALANX_LENGTHS, ROOT_PLACES

# Lower and upper limit of each angle of a finger, radians: a little wider than people's (chosen by hand).
THUMB_ANGLE_LIMITS = ((-0.8, 0.8), (-0.9, 1.0), (-0.4, 1.3), (-0.6, 1.7))
FINGER_ANGLE_LIMITS = ((-0.6, 0.6), (-0.6, 1.8), (-0.2, 2.1), (-0.4, 1.7))
BONE_RADIUS = 0.075  # radius of a bone's cylinder, in hand sizes: 7 mm of an adult's
# Simulators want masses; the root has none, as robot_state_publisher's KDL takes no inertia there. The order of a finger bone's.
INERTIAL = '    <inertial><mass value="0.01"/><inertia ixx="1e-6" iyy="1e-6" izz="1e-6" ixy="0" ixz="0" iyz="0"/></inertial>'
ACROSS_THE_PALM = np.diag([1.0, -1.0, 1.0])


def joint_name(side: Side, angle: str) -> str:
    """Of the URDF and of ``joint_states``, such as "right_index_mcp_flexion"."""
    return f"{side.value}_{angle}"


def hand_urdf(side: Side, size_m: float) -> str:
    """The URDF of one hand.

    Its root ``<side>_model_wrist`` has the axes of the TF frame ``<side>_hand_wrist``; ``<side>_model_index_tip`` and the others lie where
    the finger's joints are.

    Args:
        size_m: wrist to middle mcp, metres.
    """
    lines = [
        '<?xml version="1.0"?>',
        f'<robot name="{side.value}_hand">',
        f'  <link name="{_link(side, "wrist")}">',
        *_palm(side, size_m),
        "  </link>",
    ]
    for finger, name in enumerate(FINGERS):
        limits = THUMB_ANGLE_LIMITS if name == "thumb" else FINGER_ANGLE_LIMITS
        angles = ANGLE_NAMES[4 * finger : 4 * finger + 4]
        joints = JOINT_NAMES[1 + 4 * finger : 5 + 4 * finger]
        base, root = BASES[finger], ROOT_PLACES[finger]
        if side is Side.LEFT:
            base, root = ACROSS_THE_PALM @ base @ ACROSS_THE_PALM, ACROSS_THE_PALM @ root
        roots_link = _link(side, f"{name}_root")
        origin = _origin(root * size_m, mat2euler(base))
        lines += _joint(side, angles[0], _link(side, "wrist"), roots_link, origin, f"0 0 {-1 if side is Side.LEFT else 1}", limits[0])
        lines += [f'  <link name="{roots_link}">', INERTIAL, "  </link>"]
        parent, origin = roots_link, _origin(np.zeros(3), (0.0, 0.0, 0.0))
        for bone in range(3):
            length = float(PHALANX_LENGTHS[finger, bone]) * size_m
            link = _link(side, joints[bone])
            lines += _joint(side, angles[bone + 1], parent, link, origin, "0 1 0", limits[bone + 1])
            lines += [f'  <link name="{link}">', *_bone(length, size_m), INERTIAL, "  </link>"]
            parent, origin = link, _origin(np.array([length, 0.0, 0.0]), (0.0, 0.0, 0.0))
        tip = _link(side, joints[3])
        lines += [
            f'  <joint name="{tip}_fixed" type="fixed">',
            f'    <parent link="{parent}"/>',
            f'    <child link="{tip}"/>',
            f"    {origin}",
        ]
        lines += ["  </joint>", f'  <link name="{tip}">', INERTIAL, "  </link>"]
    return "\n".join([*lines, "</robot>", ""])


def _link(side: Side, joint: str) -> str:
    return f"{side.value}_model_{joint}"


def _origin(place: np.ndarray, rpy: tuple[float, ...]) -> str:
    return f'<origin xyz="{" ".join(f"{v:.6f}" for v in place)}" rpy="{" ".join(f"{v:.6f}" for v in rpy)}"/>'


def _joint(side: Side, angle: str, parent: str, child: str, origin: str, axis: str, limits: tuple[float, float]) -> list[str]:
    return [
        f'  <joint name="{joint_name(side, angle)}" type="revolute">',
        f'    <parent link="{parent}"/>',
        f'    <child link="{child}"/>',
        f"    {origin}",
        f'    <axis xyz="{axis}"/>',
        f'    <limit lower="{limits[0]}" upper="{limits[1]}" effort="1" velocity="20"/>',
        "  </joint>",
    ]


def _bone(length: float, size_m: float) -> list[str]:
    origin = _origin(np.array([length / 2, 0.0, 0.0]), (0.0, np.pi / 2, 0.0))
    return [
        "    <visual>",
        f"      {origin}",
        f'      <geometry><cylinder radius="{BONE_RADIUS * size_m:.6f}" length="{length:.6f}"/></geometry>',
        "    </visual>",
    ]


def _palm(side: Side, size_m: float) -> list[str]:
    box = f'<box size="{0.95 * size_m:.6f} {0.75 * size_m:.6f} {0.22 * size_m:.6f}"/>'
    middle = np.array([0.48, -0.06, -0.02]) * size_m
    origin = _origin(ACROSS_THE_PALM @ middle if side is Side.LEFT else middle, (0.0, 0.0, 0.0))
    return ["    <visual>", f"      {origin}", f"      <geometry>{box}</geometry>", "    </visual>"]
