"""Solids of one colour, as triangles: corners and normals (T, 3, 3), counter-clockwise seen from outside."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import FloatArray

SEGMENTS = 16


def ball() -> tuple[FloatArray, FloatArray]:
    """A sphere of radius 1."""
    return capsule(0.0)


def capsule(half_length: float) -> tuple[FloatArray, FloatArray]:
    """A rod of radius 1 along z with round ends, their centres ``half_length`` from the middle."""
    polar = np.linspace(0, np.pi, SEGMENTS // 2 + 1)
    middle = SEGMENTS // 4
    polar = np.insert(polar, middle, polar[middle])
    shift = np.where(np.arange(len(polar)) <= middle, half_length, -half_length)
    azimuth = np.linspace(0, 2 * np.pi, SEGMENTS + 1)
    ring = np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros_like(azimuth)], -1)
    normals = np.sin(polar)[:, None, None] * ring + np.cos(polar)[:, None, None] * [0, 0, 1]
    corners, normals = _quads(normals + shift[:, None, None] * [0, 0, 1]), _quads(normals)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    return corners[area > 1e-9], normals[area > 1e-9]


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
