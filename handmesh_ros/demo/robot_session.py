"""The robot demo: camera, hand node, teleop node and a simulated arm as processes; a hand lifts a cube and sets it down elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handmesh_ros.demo.processes import Processes
from handmesh_ros.demo.recording import Recording, read_recording
from handmesh_ros.hand import FloatArray
from handmesh_ros.progress import say
from handmesh_ros.robot.rehearsal import AXIS_MAP, DEMO_SETTINGS, was_set_down_elsewhere

CLIP, CALIBRATION = "grasp.mp4", "demo_camera.yaml"
CUBE_ARRIVED = "cube lifted and set down elsewhere"


@dataclass(frozen=True, eq=False)
class RobotRun:
    """What the robot recorded.

    Attributes:
        time_s: (N,) of the states.
        qpos: (N, Q) of MuJoCo.
        tool, cube: (N, 3) in base_link, metres.
        commands: (M, 4) seconds since the first, and place of the tool.
        log: what the teleop node said.
    """

    time_s: FloatArray
    qpos: FloatArray
    tool: FloatArray
    cube: FloatArray
    commands: FloatArray
    log: str

    def figures(self) -> dict[str, object]:
        """For the report; speeds and accelerations as the robot saw them; a command that was lost makes both look wrong."""
        times, places = self.commands[:, 0], self.commands[:, 1:]
        steps = np.diff(times)
        velocities = np.diff(places, axis=0) / steps[:, None]
        # As the follower limits it: the change of velocity from command to command, for the time since the last one.
        accelerations = np.linalg.norm(np.diff(velocities, axis=0), axis=1) / steps[1:]
        return {
            CUBE_ARRIVED: was_set_down_elsewhere(self.cube),
            "cube's greatest height, mm": round(1e3 * float(self.cube[:, 2].max())),
            "commands": len(self.commands),
            "fastest command, m/s": round(float(np.linalg.norm(velocities, axis=1).max()), 3),
            "limit of speed, m/s": DEMO_SETTINGS.move.speed,
            "greatest acceleration of commands, m/s2": round(float(accelerations.max()), 2),
            "limit of acceleration, m/s2": DEMO_SETTINGS.move.acceleration,
        }


def run_robot_session(folder: Path, clip: str, calibration: Path | None, model: str, hfov_deg: float = 60.0) -> tuple[Recording, RobotRun]:
    """Run all processes until the clip ends.

    Args:
        folder: takes logs and recordings.
        clip: a video or a folder of pictures with a right hand; hfov_deg: its horizontal field of view, where it is not calibrated.

    Raises:
        ProcessError: a process did not start, or ended with an error.
    """
    lines, meshes, out = folder / "hands.jsonl", folder / "meshes.npz", folder / "robot.npz"
    box = DEMO_SETTINGS.workspace
    with Processes(folder) as processes:
        say("starting a simulated robot, the teleop node, the hand node, an operator and a camera ...")
        robot = processes.start("handmesh_ros.demo.robot_node", {"out": str(out)})
        hand_node = processes.start("handmesh_ros.node.hand_node", {"model": model})
        teleop = processes.start(
            "handmesh_ros.node.teleop_node",
            {
                "axis_map": AXIS_MAP,
                "scale": DEMO_SETTINGS.scale,
                "turn_scale": DEMO_SETTINGS.turn_scale,
                "workspace_low": " ".join(map(str, box.low.tolist())),
                "workspace_high": " ".join(map(str, box.high.tolist())),
                "speed_mps": DEMO_SETTINGS.move.speed,
                "acceleration_mps2": DEMO_SETTINGS.move.acceleration,
                "gripper": "forward",
            },
        )
        operator = processes.start("handmesh_ros.demo.operator_node", {})
        processes.start("handmesh_ros.demo.listener", {"out": str(lines), "mesh_out": str(meshes)})
        for process in (robot, hand_node, teleop, operator):
            process.wait_for_line("ready")
        time.sleep(1.0)  # until all have found each other
        camera = processes.start(
            "handmesh_ros.node.camera_node",
            {"input": clip, "camera_info": str(calibration or ""), "hfov_deg": hfov_deg, "wait_for_subscribers": 1},
        )
        while camera.running:
            time.sleep(0.1)
            processes.check()
        time.sleep(1.5)  # the hand counts as lost, and the robot comes to rest
        log = teleop.read_log()
    with np.load(out) as file:
        run = RobotRun(**{name: file[name] for name in ("time_s", "qpos", "tool", "cube", "commands")}, log=log)
    return read_recording(lines, meshes), run
