"""The robot demo as a video: the hand as the camera and the network saw it, and beside it the arm at the same time."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np

from handmesh_ros.demo.recording import Recording
from handmesh_ros.demo.robot_session import RobotRun
from handmesh_ros.overlay import draw_hands
from handmesh_ros.robot.simulated_arm import SimulatedArm
from handmesh_ros.sources import open_source
from handmesh_ros.video import OverlayWriter

HEIGHT_PX, WIDTH_PX = 480, 640
VIEW = {"azimuth": 180.0, "elevation": -15.0, "distance": 0.75, "lookat": (0.35, 0.0, 0.15)}  # from where the clip's camera is


def draw_robot(recording: Recording, run: RobotRun, clip: str, out: Path) -> None:
    """Write the video. Frames are found by the stamps that the listener heard, one of each that the camera sent.

    Raises:
        Exception: MuJoCo cannot draw here, as its own errors say (no EGL or OSMesa).
    """
    arm = SimulatedArm()
    camera = mujoco.MjvCamera()
    camera.azimuth, camera.elevation, camera.distance = VIEW["azimuth"], VIEW["elevation"], VIEW["distance"]
    camera.lookat[:] = VIEW["lookat"]
    source, heard = open_source(clip), recording.by_stamp
    assert recording.camera is not None, "the camera node sends a calibration, or its guess"
    with mujoco.Renderer(arm.model, HEIGHT_PX, WIDTH_PX) as renderer, OverlayWriter(out, source.rate) as video:
        for frame, stamp in zip(source, recording.sent, strict=False):
            hands = tuple(hand for hand in heard[stamp].hands if len(hand.vertices)) if stamp in heard else ()
            left = draw_hands(frame.rgb, hands, recording.camera, recording.faces) if hands else frame.rgb
            arm.data.qpos[:] = run.qpos[min(int(np.searchsorted(run.time_s, stamp)), len(run.time_s) - 1)]
            mujoco.mj_forward(arm.model, arm.data)
            renderer.update_scene(arm.data, camera)
            video.write(np.concatenate([left, renderer.render()], axis=1))
    source.close()
