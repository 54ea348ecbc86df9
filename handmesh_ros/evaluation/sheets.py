"""Contact sheets: what a network says of hands, skeleton and mesh over each picture, the labels as magenta dots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.evaluation.people import Estimates, LabelledHands, RgbImage
from handmesh_ros.hand import FloatArray, Side, faces_of_side
from handmesh_ros.outputs import write_whole
from handmesh_ros.overlay import draw_mesh, draw_skeleton
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.crop import CropRegion, extract_patch

TILE, COLUMNS = 160, 6
COLOUR, LABEL_COLOUR = (110, 200, 255), (255, 0, 255)
AROUND_HAND = 1.4  # side of the part of a picture that is shown, over the longer side of the keypoints' box; chosen by hand
TILE_FOCAL = 50.0  # focal length of the camera that sees the mesh, in sides of a tile: so far away that there is no perspective


def best_middle_worst(errors: FloatArray, count: int) -> NDArray[np.intp]:
    """Rows of the least, the middle and the largest of errors (N,), ``count`` of each, best first; a row may come twice in few."""
    order = np.argsort(errors, kind="stable")
    middle = max(0, len(order) - count) // 2
    return np.concatenate((order[:count], order[middle : middle + count], order[-count:]))


def draw_estimates(
    hands: LabelledHands, estimates: Estimates, errors: FloatArray, faces: NDArray[np.integer], rows: NDArray[np.intp]
) -> list[RgbImage]:
    """A tile of each of these hands, its error written on it.

    Args:
        estimates: of a network with a mesh.
        errors: (N,) millimetres; faces: (F, 3), of a right hand.
    """
    assert estimates.vertices is not None, "the network has no mesh to draw"
    tiles = []
    for row in rows.tolist():
        low, high = hands.keypoints[row].min(axis=0), hands.keypoints[row].max(axis=0)
        region = CropRegion((low + high) / 2, AROUND_HAND * float((high - low).max()))
        picture = np.rint(255 * extract_patch(hands.read_picture(row), region, TILE)[0].transpose(1, 2, 0)).astype(np.uint8)
        said, truth = (region.to_patch(keypoints[row]) for keypoints in (estimates.keypoints, hands.keypoints))
        turned = faces_of_side(faces, Side.LEFT if hands.is_left[row] else Side.RIGHT)
        tile = draw_tile(picture, said, estimates.joints[row], estimates.vertices[row], truth, turned)
        for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(tile, f"{errors[row]:.1f} mm", (4, TILE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, thickness, cv2.LINE_AA)
        tiles.append(tile)
    return tiles


def draw_tile(
    picture: RgbImage, keypoints: FloatArray, joints: FloatArray, vertices: FloatArray, truth: FloatArray, faces: NDArray[np.integer]
) -> RgbImage:
    """The square picture with skeleton and true keypoints, and beside it with the mesh, moved and scaled onto the keypoints.

    Args:
        keypoints, truth: (21, 2), fractions of the picture.
        joints: (21, 3) and vertices: (V, 3), axes of the picture, one unit, one origin.

    Returns:
        (160, 320, 3).
    """
    flat: RgbImage = np.asarray(cv2.resize(picture, (TILE, TILE)), np.uint8)
    meshed = flat.copy()
    pixels = keypoints * TILE - 0.5
    draw_skeleton(flat, pixels)
    for x, y in np.rint(truth * TILE - 0.5).astype(int).tolist():
        cv2.circle(flat, (x, y), 1, LABEL_COLOUR, -1, cv2.LINE_AA)
    focal, centre = TILE_FOCAL * TILE, (TILE - 1) / 2
    camera = Camera(width=TILE, height=TILE, K=np.array([[focal, 0, centre], [0, focal, centre], [0, 0, 1.0]]))
    spread, wanted = joints[:, :2] - joints[:, :2].mean(0), pixels - pixels.mean(0)
    distance = focal * float((spread**2).sum() / max((spread * wanted).sum(), 1e-6))
    place = np.append((pixels.mean(0) - centre) / focal * distance - joints[:, :2].mean(0), distance)
    draw_mesh(meshed, vertices + place, faces, camera, COLOUR)
    return np.asarray(np.concatenate((flat, meshed), 1), np.uint8)


def write_tiles(path: Path, tiles: Sequence[RgbImage]) -> None:
    """All tiles side by side, row by row.

    Raises:
        OSError: the picture cannot be written there.
    """
    tiles = [*tiles, *[np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)]
    sheet = np.concatenate([np.concatenate(tiles[k : k + COLUMNS], 1) for k in range(0, len(tiles), COLUMNS)])
    write_whole(path, cv2.imencode(".png", sheet[..., ::-1])[1].tobytes())
