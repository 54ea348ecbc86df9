"""Questions about triangle meshes that the template's levels need: neighbours, spirals, closest points. numpy only."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import FloatArray


def edge_set(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(E, 2) undirected edges and (E,) how many faces each belongs to."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    return np.unique(edges, axis=0, return_counts=True)


def is_clean_disc(vertex_count: int, faces: np.ndarray) -> bool:
    """Whether the mesh is one disc: every vertex used, no edge with three faces, one boundary loop (Euler number 1)."""
    edges, counts = edge_set(faces)
    if len(np.unique(faces)) != vertex_count or counts.max() > 2 or vertex_count - len(edges) + len(faces) != 1:
        return False
    rings = ordered_neighbours(vertex_count, faces)
    return all(ring is not None for ring in rings)


def ordered_neighbours(vertex_count: int, faces: np.ndarray) -> list[list[int] | None]:
    """The ring of each vertex, counter-clockwise seen from outside, from boundary to boundary where it is open.

    None for a vertex whose faces are no single fan.
    """
    following: list[dict[int, int]] = [{} for _ in range(vertex_count)]
    for a, b, c in faces.tolist():
        for centre, here, there in ((a, b, c), (b, c, a), (c, a, b)):
            following[centre][here] = there
    rings: list[list[int] | None] = []
    for steps in following:
        starts = set(steps) - set(steps.values())
        current = starts.pop() if starts else (min(steps) if steps else -1)
        ring = [current] if steps else []
        while steps and current in steps and (steps[current] != ring[0]):
            current = steps[current]
            if current in ring:
                break
            ring.append(current)
        complete = len(ring) == len(set(steps) | set(steps.values())) and not starts and bool(steps)
        rings.append(ring if complete else None)
    return rings


def spirals(vertices: FloatArray, faces: np.ndarray, length: int = 9) -> np.ndarray:
    """(V, length) indices: the vertex, then its neighbours ring by ring, counter-clockwise.

    A ring starts at the neighbour that lies farthest towards the finger tips (-Z of the rest pose), so that the n-th entry means
    the same direction everywhere on the hand.

    Raises:
        ValueError: a vertex has fewer than ``length`` - 1 others around it, or the mesh is no manifold.
    """
    rings = ordered_neighbours(len(vertices), faces)
    result = np.zeros((len(vertices), length), int)
    for vertex in range(len(vertices)):
        spiral = [vertex]
        seen = {vertex}
        frontier = [vertex]
        while len(spiral) < length and frontier:
            outer: list[int] = []
            for centre in frontier:
                ring = rings[centre]
                if ring is None:
                    raise ValueError(f"vertex {centre} has no single fan of faces around it: not a manifold")
                if centre == vertex:
                    start = int(np.argmin(vertices[ring, 2]))
                else:
                    # Go on where the inner ring left off: after the neighbour already walked.
                    start = next((k for k, v in enumerate(ring) if v in seen and ring[(k + 1) % len(ring)] not in seen), 0)
                for neighbour in ring[start:] + ring[:start]:
                    if neighbour not in seen:
                        seen.add(neighbour)
                        outer.append(neighbour)
            spiral += outer
            frontier = outer
        if len(spiral) < length:
            raise ValueError(f"vertex {vertex} has only {len(spiral) - 1} vertices around it, a spiral needs {length - 1}")
        result[vertex] = spiral[:length]
    return result


def closest_on_mesh(points: FloatArray, vertices: FloatArray, faces: np.ndarray) -> tuple[np.ndarray, FloatArray, FloatArray]:
    """The place of the surface nearest to each point.

    Returns:
        corners: (N, 3) vertex indices; weights: (N, 3) barycentric, not negative, sum 1; distances: (N,).
    """
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    corners = np.zeros((len(points), 3), int)
    weights = np.zeros((len(points), 3))
    distances = np.zeros(len(points))
    for n, point in enumerate(points):
        barycentric = _closest_barycentric(point, a, b, c)
        places = barycentric[:, :1] * a + barycentric[:, 1:2] * b + barycentric[:, 2:] * c
        squared = ((places - point) ** 2).sum(1)
        best = int(np.argmin(squared))
        corners[n], weights[n], distances[n] = faces[best], barycentric[best], np.sqrt(squared[best])
    return corners, weights, distances


def _closest_barycentric(point: FloatArray, a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    """(F, 3) barycentric coordinates of the point of each triangle that lies nearest: inside, else on the best of three edges."""
    ab, ac, ap = b - a, c - a, point - a
    d00, d01, d11 = (ab * ab).sum(1), (ab * ac).sum(1), (ac * ac).sum(1)
    d20, d21 = (ap * ab).sum(1), (ap * ac).sum(1)
    denominator = np.maximum(d00 * d11 - d01 * d01, 1e-20)
    v = (d11 * d20 - d01 * d21) / denominator
    w = (d00 * d21 - d01 * d20) / denominator
    inside = np.stack([1 - v - w, v, w], 1)
    candidates = []
    for first, start, end in ((0, a, b), (1, b, c), (2, c, a)):
        edge = end - start
        t = np.clip(((point - start) * edge).sum(1) / np.maximum((edge * edge).sum(1), 1e-20), 0, 1)
        candidate = np.zeros((len(a), 3))
        candidate[:, first], candidate[:, (first + 1) % 3] = 1 - t, t
        candidates.append(candidate)
    stacked = np.stack(candidates)  # (3, F, 3)
    places = stacked[..., :1] * a + stacked[..., 1:2] * b + stacked[..., 2:] * c
    best = ((places - point) ** 2).sum(-1).argmin(0)
    on_edge = stacked[best, np.arange(len(a))]
    return np.where((inside >= 0).all(1, keepdims=True), inside, on_edge)
