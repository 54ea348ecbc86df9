"""Inverse kinematics of an arm whose model MuJoCo reads (MJCF, URDF), by mink. Needs the extra ``robot``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mink
import mujoco
import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_ros.teleop.errors import TeleopError
from handmesh_ros.teleop.mapping import PoseInSpace

SINGLE = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))  # joints of one degree of freedom
STEPS = 4  # to a goal that moves by millimetres; each is a whole Newton step
IK_DAMPING = 1e-6
TURN_COST = 0.2  # m/rad: where both cannot be had, a tool at the right place matters more than its turn


class ArmKinematics:
    """Joint angles for poses of one frame in the frame of the model's root.

    Args:
        path: of the model.
        frame: a site or body of it.
        joints: names of the joints that are wanted, each of one degree of freedom; empty: all of these.

    Raises:
        TeleopError: MuJoCo cannot read the model, or it has no such frame or joint.
    """

    def __init__(self, path: Path, frame: str, joints: Sequence[str] = ()) -> None:
        try:
            model = mujoco.MjModel.from_xml_path(str(path))
        except ValueError as error:
            raise TeleopError(f"{path}: MuJoCo cannot read this model: {error}") from error
        kinds = [kind for kind in ("site", "body") if frame in _names(model, kind)]
        if not kinds:
            raise TeleopError(f"{path} has no site or body {frame!r}; there are {', '.join(_names(model, 'site') + _names(model, 'body'))}")
        single = [name for number, name in enumerate(_names(model, "joint")) if model.jnt_type[number] in SINGLE]
        self.joints = tuple(joints) or tuple(single)
        if unknown := [name for name in self.joints if name not in single]:
            raise TeleopError(f"{path} has no joint {unknown[0]!r}; there are {', '.join(single)}")
        self._addresses = [model.jnt_qposadr[model.joint(name).id] for name in self.joints]
        self._configuration = mink.Configuration(model)
        self._task = mink.FrameTask(frame, kinds[0], position_cost=1.0, orientation_cost=TURN_COST)
        self._limits = [mink.ConfigurationLimit(model)]

    def solve(self, pose: PoseInSpace, start: FloatArray, steps: int = STEPS) -> FloatArray:
        """The joints (J,) with which the frame is at that pose, or as near to it as the arm comes.

        Args:
            start: (J,) from where the solution is sought.
        """
        q = self._configuration.q.copy()
        q[self._addresses] = start
        self._configuration.update(q)
        self._task.set_target(mink.SE3.from_rotation_and_translation(mink.SO3.from_matrix(pose.rotation), pose.position))
        for _ in range(steps):
            velocity = mink.solve_ik(self._configuration, [self._task], dt=1.0, solver="daqp", damping=IK_DAMPING, limits=self._limits)
            self._configuration.integrate_inplace(velocity, 1.0)
        found: FloatArray = self._configuration.q[self._addresses].copy()
        return found


def _names(model: mujoco.MjModel, kind: str) -> list[str]:
    count = {"site": model.nsite, "body": model.nbody, "joint": model.njnt}[kind]
    return [getattr(model, kind)(number).name for number in range(count)]


def within_speed(before: FloatArray, wanted: FloatArray, longest: float) -> FloatArray:
    """``wanted``, or on the straight way to it where a joint would turn farther than ``longest``: near singularities they would."""
    step = wanted - before
    largest = float(np.abs(step).max(initial=0.0))
    return before + step * (longest / largest) if largest > longest else wanted
