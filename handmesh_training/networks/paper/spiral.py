"""Spirals of a triangle mesh in numpy, with the neighbour order of the OpenMesh half-edge structure.

A spiral lists a vertex, its first ring, its second ring and so on, up to a fixed length; spiral convolutions weigh the entries by their
place (Gong et al., SpiralNet++, ICCV-W 2019). Trained weights therefore depend on where each ring starts and which way it turns.
Published MobRecon weights were trained on spirals from OpenMesh, whose start depends on the order in which faces were added. This file
follows the same insertion rules, so that those weights fit without the library.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import HandmeshError

IntArray = NDArray[np.int64]


class MeshTopologyError(HandmeshError, ValueError):
    """The faces are no orientable two-manifold; the message says which face or vertex is wrong."""


class HalfEdgeMesh:
    """Half-edge connectivity of a triangle mesh, built face by face.

    Half-edge ``2e`` and its opposite ``2e + 1`` belong to edge ``e``. Each vertex remembers one outgoing half-edge, a boundary one if it
    has any: that is where its ring starts.

    Args:
        vertex_count: number of vertices.
        faces: (F, 3) vertex indices, consistently oriented, in the order of insertion.

    Raises:
        MeshTopologyError: an edge with more than two faces or two faces of opposite orientation, or an index out of range.
    """

    def __init__(self, vertex_count: int, faces: IntArray) -> None:
        faces = np.asarray(faces)
        if faces.ndim != 2 or faces.shape[1] != 3:
            raise MeshTopologyError(f"faces must be (F, 3) vertex indices, they are {faces.shape}")
        if faces.size and (faces.min() < 0 or faces.max() >= vertex_count):
            raise MeshTopologyError(f"faces name vertex {faces.max()}, the mesh has {vertex_count}")
        self._target: list[int] = []
        self._next: list[int] = []
        self._previous: list[int] = []
        self._has_face: list[bool] = []
        self._find: dict[tuple[int, int], int] = {}
        self._outgoing = [-1] * vertex_count
        for number, face in enumerate(faces):
            self._add_face(number, [int(v) for v in face])

    def ring(self, vertex: int) -> list[int]:
        """Neighbours of a vertex, clockwise from its outgoing half-edge."""
        first = self._outgoing[vertex]
        return [self._target[h] for h in self._clockwise(first)] if first >= 0 else []

    def _clockwise(self, first: int) -> list[int]:
        around, halfedge = [], first
        while True:
            around.append(halfedge)
            halfedge = self._next[halfedge ^ 1]
            if halfedge == first:
                return around

    def _link(self, before: int, after: int) -> None:
        self._next[before] = after
        self._previous[after] = before

    def _new_edge(self, start: int, end: int) -> int:
        halfedge = len(self._target)
        self._target += [end, start]
        self._next += [-1, -1]
        self._previous += [-1, -1]
        self._has_face += [False, False]
        self._find[start, end] = halfedge
        self._find[end, start] = halfedge + 1
        return halfedge

    def _add_face(self, number: int, corners: list[int]) -> None:
        steps = [(0, 1), (1, 2), (2, 0)]
        found = [self._find.get((corners[a], corners[b]), -1) for a, b in steps]
        if any(h >= 0 and self._has_face[h] for h in found):
            raise MeshTopologyError(f"face {number} {corners}: one of its edges already has a face on that side")
        for i, following in steps:
            inner, after = found[i], found[following]
            if inner >= 0 and after >= 0 and self._next[inner] != after:
                self._move_patch(number, inner, after)
        is_new = [h < 0 for h in found]
        inside = [h if h >= 0 else self._new_edge(corners[a], corners[b]) for h, (a, b) in zip(found, steps, strict=True)]

        # Links are written only at the end: every corner must see the mesh as it was before this face.
        links: list[tuple[int, int]] = []
        adjust = []
        for i, following in steps:
            vertex, into, out = corners[following], inside[i], inside[following]
            outer_into, outer_out = out ^ 1, into ^ 1
            if is_new[i] and is_new[following]:
                boundary = self._outgoing[vertex]
                if boundary < 0:
                    self._outgoing[vertex] = outer_out
                    links.append((outer_into, outer_out))
                else:
                    links += [(self._previous[boundary], outer_out), (outer_into, boundary)]
            elif is_new[i]:
                links.append((self._previous[out], outer_out))
                self._outgoing[vertex] = outer_out
            elif is_new[following]:
                boundary = self._next[into]
                links.append((outer_into, boundary))
                self._outgoing[vertex] = boundary
            elif self._outgoing[vertex] == out:
                adjust.append(vertex)
            if is_new[i] or is_new[following]:
                links.append((into, out))
            self._has_face[into] = True
        for before, after in links:
            self._link(before, after)
        for vertex in adjust:
            self._move_start_to_boundary(vertex)

    def _move_patch(self, number: int, inner: int, after: int) -> None:
        """Two old edges meet here but are not neighbours on the boundary: move the faces between them to another gap of the fan."""
        boundary = self._next[after ^ 1] ^ 1
        while self._has_face[boundary]:
            boundary = self._next[boundary] ^ 1
        if boundary == inner:
            raise MeshTopologyError(f"face {number}: there is no other gap in the fan to move faces to (non-manifold vertex)")
        boundary_next = self._next[boundary]
        patch_start, patch_end = self._next[inner], self._previous[after]
        self._link(boundary, patch_start)
        self._link(patch_end, boundary_next)
        self._link(inner, after)

    def _move_start_to_boundary(self, vertex: int) -> None:
        for halfedge in self._clockwise(self._outgoing[vertex]):
            if not self._has_face[halfedge]:
                self._outgoing[vertex] = halfedge
                return


def paper_spirals(vertices: NDArray[np.floating], faces: IntArray, length: int = 9) -> IntArray:
    """Spiral of every vertex: itself, then ring after ring, cut to ``length``.

    Args:
        vertices: (V, 3) positions, any unit; they matter only where a piece of mesh is too small for a whole spiral: then the
            nearest vertices stand in.
        faces: (F, 3) vertex indices in the order of insertion.
        length: entries of a spiral.

    Returns:
        (V, length) vertex indices.

    Raises:
        MeshTopologyError: see HalfEdgeMesh.
        ValueError: fewer vertices than ``length``.
    """
    vertices = np.asarray(vertices, np.float64)
    if len(vertices) < length:
        raise ValueError(f"a mesh of {len(vertices)} vertices has no spiral of length {length}")
    mesh = HalfEdgeMesh(len(vertices), faces)
    rings = [mesh.ring(v) for v in range(len(vertices))]
    result = np.empty((len(vertices), length), np.int64)
    for vertex, first_ring in enumerate(rings):
        spiral, ring = [vertex, *first_ring], first_ring
        while len(spiral) < length and ring:
            ring = _next_ring(rings, ring, spiral)
            spiral += ring
        if len(spiral) < length:
            distance = np.linalg.norm(vertices - vertices[vertex], axis=1)
            spiral = list(np.argsort(distance, kind="stable"))
        result[vertex] = spiral[:length]
    return result


def _next_ring(rings: list[list[int]], ring: list[int], spiral: list[int]) -> list[int]:
    """The vertices around a ring that the spiral does not hold yet, each fan read from its first neighbour inside the ring."""
    seen, inside = set(spiral), set(ring)
    found: list[int] = []
    for vertex in ring:
        fan = rings[vertex]
        start = next((i for i, v in enumerate(fan) if v in inside), 0)
        for neighbour in fan[start:] + fan[:start]:
            if neighbour not in seen:
                seen.add(neighbour)
                found.append(neighbour)
    return found
