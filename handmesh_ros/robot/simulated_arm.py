"""A small arm with a gripper in MuJoCo, which follows poses of its tool: inverse kinematics by mink. Needs the extra ``robot``."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np

from handmesh_ros.files import clip_file
from handmesh_ros.hand import FloatArray
from handmesh_ros.robot.kinematics import STEPS, ArmKinematics
from handmesh_ros.teleop.follower import ToolCommand
from handmesh_ros.teleop.mapping import PoseInSpace

HOME_PLACE = np.array([0.40, 0.09, 0.15])
HOME_AXES = np.diag([-1.0, 1.0, -1.0])  # the tool's z axis points down, its fingers close along y
HOME_GUESS = np.array([0.2, 0.6, 1.6, 0.9, 0.0])
JOINTS = ("yaw", "shoulder", "elbow", "wrist_pitch", "wrist_roll")
ARM_JOINTS = len(JOINTS)
FINGER_OPEN_M = 0.04
SCENE = "robot/scene.xml"


class SimulatedArm:
    """Its base is the world's origin: x forward, y left, z up (REP 103).

    Attributes:
        model, data: MuJoCo's.
    """

    def __init__(self, scene: Path | None = None) -> None:
        path = clip_file(SCENE) if scene is None else scene
        self.model = mujoco.MjModel.from_xml_path(str(path))
        self.data = mujoco.MjData(self.model)
        self._kinematics = ArmKinematics(path.with_name("arm.xml"), "tool0", JOINTS)
        self._targets = HOME_GUESS
        self.go_to(PoseInSpace(HOME_PLACE, HOME_AXES), steps=50)
        self.data.qpos[:ARM_JOINTS] = self._targets
        self.grip(False)
        self.data.qpos[ARM_JOINTS : ARM_JOINTS + 2] = FINGER_OPEN_M
        mujoco.mj_forward(self.model, self.data)

    @property
    def tool(self) -> PoseInSpace:
        """Where the tool is."""
        site = self.data.site("tool0")
        return PoseInSpace(site.xpos.copy(), site.xmat.reshape(3, 3).copy())

    @property
    def cube(self) -> FloatArray:
        """(3,) the middle of the cube."""
        place: FloatArray = self.data.body("cube").xpos.copy()
        return place

    def go_to(self, pose: PoseInSpace, steps: int = STEPS) -> None:
        """Set the joints' targets to where the tool is at that pose, or as near to it as the arm comes."""
        self._targets = self._kinematics.solve(pose, self._targets, steps)
        self.data.ctrl[:ARM_JOINTS] = self._targets

    def follow(self, command: ToolCommand) -> None:
        """What a robot's controllers do with the teleop node's commands."""
        self.go_to(command.pose)
        if command.gripper_closed is not None:
            self.grip(command.gripper_closed)

    def grip(self, closed: bool) -> None:
        self.data.ctrl[ARM_JOINTS:] = 0.0 if closed else FINGER_OPEN_M

    def advance(self, seconds: float) -> None:
        for _ in range(max(1, round(seconds / self.model.opt.timestep))):
            mujoco.mj_step(self.model, self.data)
