"""Draws docs/images/rviz.png, what RViz shows with config/hand.rviz: ``python docs/draw_rviz.py [output.png]``.

RViz needs a screen and apt's ROS, so this draws its displays (the plane, the camera's axes, Hands, Joint frames, Overlay) by itself, from
the view that the file sets, of a frame of the demo's clip as the node publishes it.
"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from handmesh_ros.files import clip_file
from handmesh_ros.hand import FloatArray, faces_of_side
from handmesh_ros.overlay import draw_hands, draw_mesh, mesh_colour
from handmesh_ros.perception import Camera, HandPipeline
from handmesh_ros.sources import open_source

ROOT = Path(__file__).parent.parent
OUTPUT = ROOT / "docs" / "images" / "rviz.png"
FRAME = 40  # of the clip: the open hand
WIDTH, HEIGHT, SUPERSAMPLING = 1100, 560, 2
OVERLAY_WIDTH = 340
FIELD_OF_VIEW_DEG = 45.0  # RViz's own, vertical
AXIS_COLOURS = ((230, 60, 60), (60, 200, 80), (80, 110, 250))  # x, y, z
AXIS_SHARE = 0.3  # of a TF axis's length, of its marker's scale: RViz's own
GRID_COLOUR = (160, 160, 164)


def draw() -> np.ndarray:
    """(HEIGHT, WIDTH, 3) uint8 RGB."""
    settings = yaml.safe_load((ROOT / "config" / "hand.rviz").read_text())["Visualization Manager"]
    displays = {display["Name"]: display for display in settings["Displays"]}
    pipeline, camera = HandPipeline.load(), Camera.from_yaml(clip_file("demo_camera.yaml"))
    for frame in islice(open_source(str(clip_file("demo.mp4"))), FRAME + 1):
        hands = pipeline.process(frame.rgb, camera, frame.stamp_s)
    overlay = draw_hands(frame.rgb, hands, camera, pipeline.faces)

    background = tuple(int(part) for part in settings["Global Options"]["Background Color"].split(";"))
    picture = np.full((HEIGHT * SUPERSAMPLING, WIDTH * SUPERSAMPLING, 3), background, np.uint8)
    view, rotation, eye = _view(settings["Views"]["Current"])
    seen = lambda points: (np.asarray(points, float) - eye) @ rotation.T  # noqa: E731
    _draw_grid(picture, view, seen, displays["Plane of the image, 0.5 m away"])
    _draw_axes(picture, view, seen, np.zeros(3), np.eye(3), displays["Camera"]["Length"], 6)
    for hand in hands:
        draw_mesh(picture, seen(hand.vertices), faces_of_side(pipeline.faces, hand.side), view, mesh_colour(hand))
        for joint, axes in zip(hand.joints, hand.rotations, strict=True):
            _draw_axes(picture, view, seen, joint, axes, AXIS_SHARE * displays["Joint frames"]["Marker Scale"], 2)
    picture = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    height = OVERLAY_WIDTH * overlay.shape[0] // overlay.shape[1]
    picture[-height:, :OVERLAY_WIDTH] = cv2.resize(overlay, (OVERLAY_WIDTH, height), interpolation=cv2.INTER_AREA)
    cv2.putText(picture, "Overlay", (8, HEIGHT - height - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (230, 230, 230), 1, cv2.LINE_AA)
    return picture


def _view(orbit: dict[str, Any]) -> tuple[Camera, FloatArray, FloatArray]:
    """RViz's eye as a camera, with the rotation into its axes and where it is, in the fixed frame."""
    focal = HEIGHT * SUPERSAMPLING / 2 / np.tan(np.radians(FIELD_OF_VIEW_DEG) / 2)
    width, height = WIDTH * SUPERSAMPLING, HEIGHT * SUPERSAMPLING
    camera = Camera(width, height, np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]]))
    pitch, yaw = orbit["Pitch"], orbit["Yaw"]
    outwards = np.array([np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), np.sin(pitch)])
    eye = np.array([orbit["Focal Point"][axis] for axis in "XYZ"]) + orbit["Distance"] * outwards
    right = np.cross(-outwards, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return camera, np.array([right, np.cross(-outwards, right), -outwards]), eye


def _draw_line(picture: np.ndarray, view: Camera, seen: Any, ends: Any, colour: tuple[int, int, int], thickness: int) -> None:
    start, end = np.rint(view.project(seen(ends))).astype(int).tolist()
    cv2.line(picture, start, end, colour, thickness * SUPERSAMPLING, cv2.LINE_AA)


def _draw_grid(picture: np.ndarray, view: Camera, seen: Any, grid: dict[str, Any]) -> None:
    half, z = grid["Cell Size"] * grid["Plane Cell Count"] / 2, grid["Offset"]["Z"]
    for at in np.linspace(-half, half, grid["Plane Cell Count"] + 1):
        _draw_line(picture, view, seen, [(at, -half, z), (at, half, z)], GRID_COLOUR, 1)
        _draw_line(picture, view, seen, [(-half, at, z), (half, at, z)], GRID_COLOUR, 1)


def _draw_axes(picture: np.ndarray, view: Camera, seen: Any, place: FloatArray, axes: FloatArray, length: float, thickness: int) -> None:
    for axis, colour in zip(axes.T, AXIS_COLOURS, strict=True):
        _draw_line(picture, view, seen, [place, place + length * axis], colour, thickness)


if __name__ == "__main__":
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    output.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(output), cv2.cvtColor(draw(), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(output)
