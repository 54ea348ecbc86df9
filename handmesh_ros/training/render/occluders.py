"""Things in the hand or in front of it: boxes, cans and balls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from handmesh_ros.hand import INDEX_MCP, LITTLE_MCP, MIDDLE_MCP, WRIST, FloatArray
from handmesh_ros.training.render.scene import Occluders
from handmesh_ros.training.template.rotations import random_rotations

SEGMENTS = 16


def ball() -> tuple[FloatArray, FloatArray]:
    """Corners and normals (T, 3, 3) of a sphere of radius 1."""
    polar = np.linspace(0, np.pi, SEGMENTS // 2 + 1)
    azimuth = np.linspace(0, 2 * np.pi, SEGMENTS + 1)
    ring = np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros_like(azimuth)], -1)
    grid = np.sin(polar)[:, None, None] * ring + np.cos(polar)[:, None, None] * [0, 0, 1]
    corners = _quads(grid)
    return corners, corners


def can() -> tuple[FloatArray, FloatArray]:
    """A cylinder of radius 1 along z from -1 to 1, with lids."""
    azimuth = np.linspace(0, 2 * np.pi, SEGMENTS + 1)
    ring = np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros_like(azimuth)], -1)
    up = np.array([0.0, 0.0, 1.0])
    side = _quads(np.stack([ring + up, ring - up]))
    lids = []
    for sign in (1.0, -1.0):
        edge = ring[:: int(sign)] + sign * up
        lids.append(np.stack([np.broadcast_to(sign * up, edge[:-1].shape), edge[:-1], edge[1:]], 1))
    corners = np.concatenate([side, *lids])
    flat = np.zeros((2 * SEGMENTS, 3, 3)) + np.repeat([up, -up], SEGMENTS, 0)[:, None]
    return corners, np.concatenate([side * [1, 1, 0], flat])


def box() -> tuple[FloatArray, FloatArray]:
    """A cube from -1 to 1."""
    corners, normals = [], []
    for axis in range(3):
        for sign in (1.0, -1.0):
            normal = np.zeros(3)
            normal[axis] = sign
            u = np.roll(np.eye(3)[axis], 1)
            v = np.cross(normal, u)
            p, q, r, s = (normal + a * u + b * v for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)))
            corners += [(p, q, r), (p, r, s)]
            normals += [np.tile(normal, (3, 1))] * 2
    return np.array(corners), np.array(normals)


def _quads(grid: FloatArray) -> FloatArray:
    """Triangles (T, 3, 3) of a grid (R, C, 3) of points: rows from above to below, columns to the right as seen from outside."""
    a, b, c, d = grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]
    return np.concatenate([np.stack([a, b, c], 2).reshape(-1, 3, 3), np.stack([a, c, d], 2).reshape(-1, 3, 3)])


def sample_occluders(
    rng: np.random.Generator, joints: FloatArray, share: float, device: torch.device | str = "cpu"
) -> tuple[Occluders | None, np.ndarray]:
    """Gives about ``share`` of the hands (N, 21, 3; camera frame) a thing in the palm or in front.

    Returns:
        the things, None where there are none at all; and (N,) bool, which hands have one.
    """
    chosen = rng.random(len(joints)) < share
    corners, normals, image, colour = [], [], [], []
    for n in np.flatnonzero(chosen):
        shape, shape_normals = (ball, can, box)[rng.integers(3)]()
        place, rotation, scale = _held(rng, joints[n]) if rng.random() < 0.5 else _in_front(rng, joints[n])
        corners.append((shape * scale) @ rotation.T + place)
        turned = (shape_normals / scale) @ rotation.T
        normals.append(turned / np.maximum(np.linalg.norm(turned, axis=2, keepdims=True), 1e-9))
        image.append(np.full(len(shape), n))
        colour.append(np.tile(rng.uniform(0.03, 0.7) * rng.uniform(0.4, 1.0, 3), (len(shape), 1)))
    if not chosen.any():
        return None, chosen

    def tensor(parts: Sequence[np.ndarray], kind: type) -> torch.Tensor:
        return torch.from_numpy(np.concatenate(parts).astype(kind)).to(device)

    return Occluders(
        tensor(corners, np.float32), tensor(normals, np.float32), tensor(image, np.int64), tensor(colour, np.float32)
    ), chosen


def _held(rng: np.random.Generator, joints: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Across the palm, where curled fingers close round it."""
    across = joints[INDEX_MCP] - joints[LITTLE_MCP]
    along = joints[MIDDLE_MCP] - joints[WRIST]
    palm = np.cross(along, across)  # a right hand's: out of the palm
    axes = [across, palm - (palm @ across) * across / (across @ across)]
    axes = [axis / np.linalg.norm(axis) for axis in axes]
    rotation = np.stack([np.cross(axes[1], axes[0]), axes[1], axes[0]], 1)
    radius = rng.uniform(0.010, 0.028)
    place = joints[MIDDLE_MCP] - 0.1 * along + axes[1] * (radius + 0.014)
    return place, rotation, np.array([radius, radius, rng.uniform(0.03, 0.09)])


def _in_front(rng: np.random.Generator, joints: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Between the camera and some joint, a little aside so that it seldom hides everything."""
    hidden = joints[rng.integers(len(joints))]
    distance = np.linalg.norm(hidden)
    place = hidden * (1 - rng.uniform(0.03, 0.10) / distance) + rng.normal(0, 0.02, 3)
    return place, random_rotations(rng, 1)[0], rng.uniform(0.008, 0.04, 3)
