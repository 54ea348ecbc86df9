"""Opens the capped wrist of the rigged hand and gives it a forearm, as a camera would see one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_training.template.gltf import SkinnedMesh

# The wrist turns about the head of the capitate (Youm, McMurtry, Flatt and Gillespie 1978). By bones it is 76 mm from the middle mcp of
# the mean hand: 58 mm of the third metacarpal without its head (shapes.py), and 18 mm of carpus, which is 0.54 times as high as that
# metacarpal is long, 35 mm (Youm et al.), and 1.57 times the capitate's 22 mm (Nattrass, King, McMurtry and Brant 1994), of which the
# radius of its head goes off and a cartilage comes on. From the crease of the wrist to the mcp it is 83 mm (0.446 of 187 mm: Buchholz,
# Armstrong and Goldstein 1992). This place is between, 80 mm; measured hands have that too (1.6 times mcp to pip). Towards the back, as
# carpal bones lie behind tendons and nerves: 4 mm are chosen by hand, half of the way to the axes of the metacarpals.
WRIST_REST = (0.004, 0.0, 0.005)
STUMP_LENGTH_M, FOREARM_RINGS = 0.22, 6
# How much wider the forearm's far end is: across the arm, and from back to palm on top of that.
FOREARM_WIDENING, FOREARM_THICKENING = 1.45, 1.12
# The skin turns with the forearm from the second z on, with the hand up to the first.
BLEND_FROM_Z, BLEND_TO_Z = 0.005, 0.040


def weld(vertices: FloatArray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join vertices that share a place (UV seams part them).

    Returns:
        first: (W,) index of one original vertex for each welded one; faces: (F, 3) in welded indices.
    """
    _, first, inverse = np.unique(np.round(vertices, 7), axis=0, return_index=True, return_inverse=True)
    return first, inverse.reshape(-1)[faces]


def boundary_edges(faces: np.ndarray) -> np.ndarray:
    """(E, 2) directed edges that belong to one triangle only."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    _, inverse, counts = np.unique(np.sort(edges, 1), axis=0, return_inverse=True, return_counts=True)
    return edges[counts[inverse.reshape(-1)] == 1]


def face_normals(vertices: FloatArray, faces: np.ndarray) -> FloatArray:
    """(..., F, 3) normals, twice the triangle's area long."""
    a, b, c = (vertices[..., faces[:, k], :] for k in range(3))
    return np.cross(b - a, c - a)


def vertex_normals(vertices: FloatArray, faces: np.ndarray) -> FloatArray:
    """(V, 3) unit normals, smooth across UV seams."""
    first, welded = weld(vertices, faces)
    total = np.zeros((len(first), 3))
    np.add.at(total, welded.reshape(-1), np.repeat(face_normals(vertices, faces), 3, axis=0))
    normals = np.zeros_like(vertices)
    normals[faces.reshape(-1)] = total[welded.reshape(-1)]
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def drop_lid(vertices: FloatArray, faces: np.ndarray) -> np.ndarray:
    """The faces without the lid at the wrist; one clean boundary loop remains."""
    normals = face_normals(vertices, faces)
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-15)
    lid = (normals[:, 2] > 0.5) & (vertices[faces].mean(1)[:, 2] > 0.012)
    return faces[~lid]


def open_wrist(mesh: SkinnedMesh, forearm: str) -> SkinnedMesh:
    """Replace the lid by a forearm with a bone of its own, hinged at the wrist joint, its axes those of the rest mesh."""
    faces = drop_lid(mesh.vertices, mesh.faces)
    _, welded = weld(mesh.vertices, faces)
    rim = _edges_in_original_indices(faces, welded)
    # Nails and gloves are open shells too: the wrist is the boundary at the origin's side.
    rim = rim[mesh.vertices[rim[:, 0], 2] > 0.0]
    columns = np.unique(rim)
    start = mesh.vertices[columns]
    centre = start.mean(0)
    new_vertices, new_faces = [], []
    previous = {int(c): int(c) for c in columns}
    for ring in range(1, FOREARM_RINGS + 1):
        part = ring / FOREARM_RINGS
        wide = 1 + (FOREARM_WIDENING - 1) * part
        widening = np.array([wide * (1 + (FOREARM_THICKENING - 1) * part), wide, 0.0])
        places = centre + (start - centre) * widening
        # The rim is not flat: its height fades out towards the far end.
        places[:, 2] = centre[2] + (start[:, 2] - centre[2]) * (1 - part) + STUMP_LENGTH_M * part
        base = len(mesh.vertices) + len(columns) * (ring - 1)
        current = {int(c): base + k for k, c in enumerate(columns)}
        for a, b in rim.tolist():
            new_faces += [(previous[b], previous[a], current[a]), (previous[b], current[a], current[b])]
        new_vertices.append(places)
        previous = current
    vertices = np.concatenate([mesh.vertices, *new_vertices])
    faces = np.concatenate([faces, np.array(new_faces)])
    repeated = np.tile(columns, FOREARM_RINGS)
    indices, weights = _blend_forearm(
        vertices,
        np.concatenate([mesh.bone_indices, mesh.bone_indices[repeated]]),
        np.concatenate([mesh.bone_weights, mesh.bone_weights[repeated]]),
        len(mesh.bone_names),
    )
    smooth = vertex_normals(vertices, faces)
    keep = np.ones(len(vertices), bool)
    keep[columns] = keep[len(mesh.vertices) :] = False
    normals = np.where(keep[:, None], np.concatenate([mesh.normals, smooth[len(mesh.vertices) :]]), smooth)
    uv = np.concatenate([mesh.uv, mesh.uv[repeated]])
    used = np.unique(faces)
    renumber = np.full(len(vertices), -1)
    renumber[used] = np.arange(len(used))
    root_inverse = mesh.inverse_bind[0]
    hinge = np.eye(4)
    hinge[:3, 3] = -np.array(WRIST_REST)
    return replace(
        mesh,
        vertices=vertices[used], normals=normals[used], uv=uv[used], faces=renumber[faces],
        bone_indices=indices[used], bone_weights=weights[used],
        bone_names=(*mesh.bone_names, forearm), parents=(*mesh.parents, 0),
        rest_rotations=np.concatenate([mesh.rest_rotations, root_inverse[None, :3, :3]]),
        rest_translations=np.concatenate([mesh.rest_translations, (root_inverse @ [*WRIST_REST, 1.0])[None, :3]]),
        inverse_bind=np.concatenate([mesh.inverse_bind, hinge[None]]),
    )  # fmt: skip


def _edges_in_original_indices(faces: np.ndarray, welded: np.ndarray) -> np.ndarray:
    """(E, 2) the rim's directed edges; found on the welded mesh, where UV seams are no boundary, named by original vertices."""
    rim = {tuple(edge) for edge in boundary_edges(welded).tolist()}
    corners = [(0, 1), (1, 2), (2, 0)]
    return np.array(
        [
            (face[i], face[j])
            for face, joined in zip(faces.tolist(), welded.tolist(), strict=True)
            for i, j in corners
            if (joined[i], joined[j]) in rim
        ]
    )


def _blend_forearm(vertices: FloatArray, indices: np.ndarray, weights: FloatArray, forearm_bone: int) -> tuple[np.ndarray, FloatArray]:
    """Give the forearm's bone its share of each vertex; four influences a vertex stay."""
    t = np.clip((vertices[:, 2] - BLEND_FROM_Z) / (BLEND_TO_Z - BLEND_FROM_Z), 0, 1)
    share = t * t * (3 - 2 * t)
    order = np.argsort(-weights, axis=1, kind="stable")
    indices = np.take_along_axis(indices, order, 1)
    weights = np.take_along_axis(weights, order, 1)
    touched = share > 0
    weights[touched, 3] = 0.0
    weights /= weights.sum(1, keepdims=True)
    weights[touched] *= (1 - share[touched])[:, None]
    indices[touched, 3] = forearm_bone
    weights[touched, 3] = share[touched]
    return indices, weights
