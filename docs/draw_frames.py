"""Draws docs/images/frames.png, the picture of the 21 joint frames: ``python docs/draw_frames.py [output.png]``.

The hands are the committed template's; the axes are what ``handmesh_ros.perception.frames`` says of their joints.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from handmesh_ros.hand import JOINT_NAMES, MIDDLE_MCP, WRIST, Side, faces_of_side
from handmesh_ros.overlay import draw_mesh
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.frames import joint_rotations
from handmesh_training.template.hand_template import HandTemplate

OUTPUT = Path(__file__).parent / "images" / "frames.png"
WIDTH, HEIGHT, SUPERSAMPLING = 1100, 560, 2
AXIS_COLOURS = ((215, 40, 40), (30, 150, 50), (40, 80, 220))  # x, y, z: red, green, blue, as in RViz
SKIN = (226, 205, 188)
# Pose, side, where on the picture (metres at the hand's depth), turn about the vertical.
HANDS = (
    ("Default pose", Side.LEFT, (-0.172, 0.085), -20.0),
    ("Default pose", Side.RIGHT, (-0.005, 0.085), 20.0),
    ("Pinch Large", Side.RIGHT, (0.17, 0.085), 40.0),
)


def draw() -> np.ndarray:
    """(HEIGHT, WIDTH, 3) uint8 RGB."""
    template = HandTemplate.load()
    focal = 2000.0 * SUPERSAMPLING
    width, height = WIDTH * SUPERSAMPLING, HEIGHT * SUPERSAMPLING
    camera = Camera(width, height, np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]]))
    picture = np.full((height, width, 3), 255, np.uint8)
    for pose, side, (x, y), turn in HANDS:
        vertices, joints = template.pose(template.poses[pose])
        joints, vertices = _upright(joints, vertices, side, np.radians(turn))
        place = np.array([x, y, 1.0])
        joints, vertices = joints + place, vertices + place
        draw_mesh(picture, vertices, faces_of_side(template.faces[0], side), camera, SKIN)
        _draw_axes(picture, camera, joints, side)
        _label(picture, camera, joints[WRIST] + (0, 0.04, 0), f"{side.value} hand", (60, 60, 60))
    for i, (text, colour) in enumerate(zip(("x: along the bone", "y = z cross x", "z: out of the back"), AXIS_COLOURS, strict=True)):
        _label(picture, camera, np.array([0.21, -0.115 + 0.013 * i, 1.0]), text, colour)
    return cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def _upright(joints: np.ndarray, vertices: np.ndarray, side: Side, turn: float) -> tuple[np.ndarray, np.ndarray]:
    """The template's right hand, mirrored for a left one, fingers up with its back to the camera, then turned about the vertical."""
    if side is Side.LEFT:
        joints, vertices = joints * (1, -1, 1), vertices * (1, -1, 1)
    wrist = joint_rotations(joints, side)[WRIST]
    up, to_camera = np.array([0.0, -1, 0]), np.array([0.0, 0, -1])
    wanted = np.column_stack([up, np.cross(to_camera, up), to_camera])
    c, s = np.cos(turn), np.sin(turn)
    matrix = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ wanted @ wrist.T
    return (joints - joints[WRIST]) @ matrix.T, (vertices - joints[WRIST]) @ matrix.T


def _draw_axes(picture: np.ndarray, camera: Camera, joints: np.ndarray, side: Side) -> None:
    rotations = joint_rotations(joints, side)
    # From back to front, so that nearer axes cover farther ones.
    segments = []
    for joint in range(len(joints)):
        length = 0.022 if joint == WRIST else 0.009 if JOINT_NAMES[joint].endswith("tip") else 0.013
        for axis in range(3):
            end = joints[joint] + length * rotations[joint][:, axis]
            segments.append((end[2], joints[joint], end, AXIS_COLOURS[axis]))
    for _, start, end, colour in sorted(segments, key=lambda segment: -segment[0]):
        a, b = np.rint(camera.project(np.array([start, end]))).astype(int)
        cv2.arrowedLine(picture, a.tolist(), b.tolist(), colour, 3 * SUPERSAMPLING, cv2.LINE_AA, tipLength=0.25)
    for pixel in np.rint(camera.project(joints)).astype(int):
        cv2.circle(picture, pixel.tolist(), 3 * SUPERSAMPLING, (40, 40, 40), -1, cv2.LINE_AA)
    assert rotations[WRIST][:, 0] @ (joints[MIDDLE_MCP] - joints[WRIST]) > 0


def _label(picture: np.ndarray, camera: Camera, point: np.ndarray, text: str, colour: tuple[int, int, int]) -> None:
    font, scale, thickness = cv2.FONT_HERSHEY_SIMPLEX, 0.6 * SUPERSAMPLING, SUPERSAMPLING
    (text_width, _), _ = cv2.getTextSize(text, font, scale, thickness)
    x, y = camera.project(point[None])[0]
    cv2.putText(picture, text, (int(x - text_width / 2), int(y)), font, scale, colour, thickness, cv2.LINE_AA)


if __name__ == "__main__":
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    output.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(output), cv2.cvtColor(draw(), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(output)
