"""Pure builders: a hand in the joint sets of others, as messages."""

from __future__ import annotations

import numpy as np

from handmesh_ros.finger_angles import ANGLE_NAMES, finger_angles
from handmesh_ros.hand import WRIST, Hand, Side
from handmesh_ros.hand_urdf import joint_name
from handmesh_ros.joint_sets import XR_FROM_OPTICAL, openxr
from handmesh_ros.messages.types import Header, JointState, Point, Pose, PoseArray, Quaternion
from handmesh_ros.perception.quaternions import quaternions_xyzw

STATE_NAMES = {side: [joint_name(side, angle) for angle in ANGLE_NAMES] for side in Side}


def joint_states(header: Header, hand: Hand) -> JointState:
    """The 20 angles of the fingers, radians, named as in the hand's URDF."""
    angles = finger_angles(hand.joints, hand.rotations[WRIST], hand.side)
    return JointState(header=header, name=STATE_NAMES[hand.side], position=angles.tolist())


def openxr_poses(header: Header, hand: Hand) -> PoseArray:
    """OpenXR's 26 joints in XrHandJointEXT's order and with its joint axes, in the frame of the header.

    Joints that nobody measures (the roots of the four finger metacarpals) have NaN as their position.
    """
    joints = openxr(hand.joints, hand.rotations)
    positions = joints.positions @ XR_FROM_OPTICAL  # back to the camera's axes: half a turn about x is its own inverse
    rotations = np.where(joints.valid[:, None, None], XR_FROM_OPTICAL @ joints.rotations, np.eye(3))
    quaternions = quaternions_xyzw(rotations).tolist()
    poses = [
        Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw))
        for (x, y, z), (qx, qy, qz, qw) in zip(positions.tolist(), quaternions, strict=True)
    ]
    return PoseArray(header=header, poses=poses)
