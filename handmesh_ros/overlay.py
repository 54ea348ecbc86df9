"""Draws hands over a camera frame in software: a shaded mesh with hidden surfaces hidden, and the skeleton.

The mesh is painted triangle by triangle from back to front, which needs neither a display nor OpenGL.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import BONES, FloatArray, Hand, Side, TrackState, faces_of_side
from handmesh_ros.perception.camera import Camera

MESH_COLOUR = {Side.RIGHT: (90, 170, 255), Side.LEFT: (255, 170, 90)}
FINGER_COLOURS = ((230, 60, 60), (240, 160, 30), (70, 190, 70), (50, 130, 240), (170, 80, 210))
PREDICTED_COLOUR = (150, 150, 150)
MESH_OPACITY = 0.55
NEAREST_M = 0.02  # triangles nearer than this to the camera's plane cannot be projected


def draw_hands(frame_rgb: NDArray[np.uint8], hands: Sequence[Hand], camera: Camera, faces: NDArray[np.integer]) -> NDArray[np.uint8]:
    """A copy of the frame with every hand drawn over it.

    Args:
        frame_rgb: (H, W, 3) uint8.
        hands: of this frame; the farthest is drawn first.
        camera: whose picture it is.
        faces: (F, 3) vertex indices of a right hand, wound counter-clockwise seen from outside.
    """
    picture = frame_rgb.copy()
    for hand in sorted(hands, key=lambda hand: -hand.joints[0, 2]):
        draw_mesh(picture, hand.vertices, faces_of_side(faces, hand.side), camera, mesh_colour(hand))
        draw_skeleton(picture, camera.project(hand.joints))
        _draw_label(picture, hand, camera)
    return picture


def mesh_colour(hand: Hand) -> tuple[int, int, int]:
    """RGB: by its side, gray while it is not measured."""
    return MESH_COLOUR[hand.side] if hand.state is TrackState.TRACKING else PREDICTED_COLOUR


def draw_mesh(
    picture: NDArray[np.uint8],
    vertices: FloatArray,
    faces: NDArray[np.integer],
    camera: Camera,
    colour: tuple[int, int, int],
) -> None:
    """Paint a mesh (vertices (V, 3), camera frame, metres) into the picture, lit from the camera."""
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    centres = corners.mean(axis=1)
    towards_camera = -(normals * centres).sum(axis=1) / np.maximum(np.linalg.norm(centres, axis=1), 1e-12)
    drawn = np.flatnonzero((towards_camera > 0) & (corners[:, :, 2].min(axis=1) > NEAREST_M))
    if drawn.size == 0:
        return
    drawn = drawn[np.argsort(-centres[drawn, 2])]

    # Fixed-point pixel coordinates with 4 fractional bits; the clip keeps far outside points from overflowing.
    pixels = np.clip(camera.project(vertices), -1e4, 1e4)
    triangles = np.rint(pixels[faces[drawn]] * 16).astype(np.int32)
    shades = (0.25 + 0.75 * towards_camera[drawn, None]) * np.array(colour)

    x0, y0 = np.maximum(triangles.min(axis=(0, 1)) // 16, 0)
    x1, y1 = np.minimum(triangles.max(axis=(0, 1)) // 16 + 2, (picture.shape[1], picture.shape[0]))
    if x0 >= x1 or y0 >= y1:
        return
    window = picture[y0:y1, x0:x1]
    layer = window.copy()
    triangles -= np.array([x0, y0], np.int32) * 16
    for triangle, shade in zip(triangles, shades.tolist(), strict=True):
        cv2.fillConvexPoly(layer, triangle, shade, cv2.LINE_8, 4)
    cv2.addWeighted(layer, MESH_OPACITY, window, 1 - MESH_OPACITY, 0, dst=window)


def draw_skeleton(picture: NDArray[np.uint8], keypoints: FloatArray) -> None:
    """Draw the 20 bones between (21, 2) pixel positions; a joint that has none (NaN: behind the camera) is left out."""
    thickness = max(1, round(picture.shape[0] / 360))
    seen = np.asarray(np.isfinite(keypoints).all(axis=1))
    points = np.rint(np.clip(np.nan_to_num(keypoints), -1e4, 1e4)).astype(int).tolist()
    for parent, child in BONES:
        if seen[parent] and seen[child]:
            colour = FINGER_COLOURS[(child - 1) // 4]
            cv2.line(picture, points[parent], points[child], colour, thickness, cv2.LINE_AA)
    for joint in np.flatnonzero(seen):
        point = points[joint]
        cv2.circle(picture, point, thickness + 1, (255, 255, 255), -1, cv2.LINE_AA)


def _draw_label(picture: NDArray[np.uint8], hand: Hand, camera: Camera) -> None:
    distance = f"{hand.joints[0, 2]:.2f} m" if hand.metric else "no metric distance"
    text = f"{hand.side.value} {hand.track_id}: {distance}"
    x, y = camera.project(hand.joints[:1])[0]
    if not np.isfinite(x + y):
        return
    height = picture.shape[0]
    position = (int(np.clip(x - 60, 0, picture.shape[1] - 1)), int(np.clip(y + 0.05 * height, 12, height - 4)))
    scale = height / 900
    cv2.putText(picture, text, position, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(picture, text, position, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 1, cv2.LINE_AA)
