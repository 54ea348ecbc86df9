"""Half-edge rings and paper_spirals on meshes whose neighbourhoods are known."""

import numpy as np
import pytest

from handmesh_training.networks.paper.spiral import HalfEdgeMesh, MeshTopologyError, paper_spirals


def grid(n: int) -> tuple[np.ndarray, np.ndarray]:
    """A flat n x n patch of vertices, counter-clockwise triangles."""
    y, x = np.mgrid[:n, :n]
    vertices = np.stack((x.ravel(), y.ravel(), np.zeros(n * n)), 1).astype(float)
    faces = []
    for r in range(n - 1):
        for c in range(n - 1):
            a, b, d, e = r * n + c, r * n + c + 1, (r + 1) * n + c, (r + 1) * n + c + 1
            faces += [[a, b, e], [a, e, d]]
    return vertices, np.array(faces)


def icosahedron() -> tuple[np.ndarray, np.ndarray]:
    from scipy.spatial import ConvexHull

    g = (1 + 5**0.5) / 2
    points = np.array([p for s in (-1, 1) for t in (-g, g) for p in ((0, s, t), (s, t, 0), (t, 0, s))], float)
    faces = ConvexHull(points).simplices
    normal = np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    inward = (normal * points[faces].mean(1)).sum(1) < 0
    faces[inward] = faces[inward][:, ::-1]
    return points, faces


def clockwise(vertices: np.ndarray, centre: int, ring: list[int]) -> bool:
    """Seen from outside (from +z for flat, from afar for convex meshes)."""
    axis = vertices[centre] if np.abs(vertices[:, 2]).max() > 0 else np.array([0.0, 0, 1])
    arms = vertices[ring] - vertices[centre]
    turns = np.cross(arms, np.roll(arms, -1, axis=0)) @ axis
    return bool((turns < 0).all())


def test_rings_of_a_closed_mesh_are_complete_and_clockwise_in_any_insertion_order() -> None:
    vertices, faces = icosahedron()
    for seed in range(20):
        # A random order makes fans close out of turn, so that faces must be moved between gaps.
        mesh = HalfEdgeMesh(len(vertices), np.random.default_rng(seed).permutation(faces))
        for v in range(len(vertices)):
            neighbours = {int(i) for f in faces[(faces == v).any(1)] for i in f} - {v}
            ring = mesh.ring(v)
            assert len(ring) == 5
            assert set(ring) == neighbours
            assert clockwise(vertices, v, ring)


def test_ring_of_an_inner_grid_vertex_is_clockwise_and_that_of_a_border_vertex_starts_on_the_border() -> None:
    vertices, faces = grid(4)
    mesh = HalfEdgeMesh(16, faces)
    assert clockwise(vertices, 5, mesh.ring(5))
    border = mesh.ring(1)
    assert set(border) == {0, 2, 6, 5}
    assert {border[0], border[-1]} == {0, 2}


def test_spirals_list_rings_by_distance_without_repeats() -> None:
    vertices, faces = grid(7)
    result = paper_spirals(vertices, faces, 19)
    centre = 24
    assert result.shape == (49, 19)
    assert result[centre, 0] == centre
    assert len(set(result[centre])) == 19
    hops = {0: {centre}}
    adjacency: dict[int, set[int]] = {v: set() for v in range(49)}
    for a, b, c in faces:
        adjacency[a] |= {b, c}
        adjacency[b] |= {a, c}
        adjacency[c] |= {a, b}
    hops[1] = adjacency[centre]
    hops[2] = set().union(*(adjacency[v] for v in hops[1])) - hops[1] - hops[0]
    assert set(result[centre, 1:7]) == hops[1]
    assert set(result[centre, 7:19]) == hops[2]


def test_second_ring_turns_on_from_the_first() -> None:
    vertices, faces = grid(7)
    second = paper_spirals(vertices, faces, 19)[24, 7:]
    angle = np.unwrap(np.arctan2(*(vertices[second, :2] - vertices[24, :2]).T[::-1]))
    assert np.all(np.diff(angle) < 0)
    assert angle[0] - angle[-1] < 2 * np.pi


def test_small_pieces_are_filled_with_the_nearest_vertices() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 0, 0], [6, 0, 0], [5, 1, 0]], float)
    result = paper_spirals(vertices, np.array([[0, 1, 2], [3, 4, 5]]), 4)
    assert result[0].tolist() == [0, 1, 2, 3]
    assert set(result[3]) == {3, 4, 5, 1}


def test_faults_of_a_mesh_are_named() -> None:
    with pytest.raises(MeshTopologyError, match=r"face 1 .*already has a face"):
        HalfEdgeMesh(4, np.array([[0, 1, 2], [0, 1, 3]]))
    with pytest.raises(MeshTopologyError, match="vertex 9"):
        HalfEdgeMesh(3, np.array([[0, 1, 9]]))
    with pytest.raises(ValueError, match="no spiral of length 9"):
        paper_spirals(np.zeros((4, 3)), np.array([[0, 1, 2]]))
