"""A second hand in the picture: beside, behind or in front of the labelled one, or clasping it. It is drawn, never labelled."""

from __future__ import annotations

import numpy as np
import torch

from handmesh_ros.hand import BONES, INDEX_MCP, LITTLE_MCP, MIDDLE_MCP, WRIST, FloatArray
from handmesh_training.renders.assets import Assets
from handmesh_training.renders.occluders import Things
from handmesh_training.renders.scene import Skin
from handmesh_training.renders.shading import skin_colour
from handmesh_training.renders.surface import HandSurface, ambient_occlusion
from handmesh_training.renders.views import sample_views
from handmesh_training.template.poses import CAPSULE_RADII, PALM_LENGTH_M, sample_poses, segment_distance
from handmesh_training.template.rig import Rig
from handmesh_training.template.rotation_batches import from_rotation_vectors
from handmesh_training.template.shapes import sample_shapes

OTHER_HAND_SHARE = 0.75  # most second hands are the same person's other hand
FOREARM_LENGTH_M, FOREARM_RADIUS_M = 0.2, 0.026
# From the labelled hand's centre to the other's, metres along the viewing ray (behind, beside, in front), and how far aside.
PLACES = (((0.05, 0.20), (0.0, 0.10)), ((-0.03, 0.05), (0.10, 0.20)), ((-0.12, -0.05), (0.07, 0.14)))
CLASP_SHARE = 0.25
PUSHES_M = np.arange(0.0, 0.16, 0.005)
PRESSED = 0.75  # capsules of two hands may come this close, as a part of the sum of their radii
MOST_HIDDEN = 0.5  # of the joints; a hand that cannot be seen cannot be learnt


def add_second_hands(
    rng: np.random.Generator,
    things: Things,
    chosen: np.ndarray,
    joints: FloatArray,
    rig: Rig,
    surface: HandSurface,
    poses: dict[str, FloatArray],
    assets: Assets,
    skin: Skin,
) -> np.ndarray:
    """Gives the ``chosen`` hands of joints (N, 21, 3; camera frame, metres) a second hand of the same person's skin.

    Returns:
        the hands that have got one: it may find no place where it neither pierces nor hides the first.
    """
    if not len(chosen):
        return chosen
    rotations, scale = sample_poses(rig, poses, rng, len(chosen)), sample_shapes(rig, rng, len(chosen))
    transforms = rig.bone_transforms(rotations, scale)
    local = surface.pose(torch.from_numpy(rig.skin_matrices(transforms)).float().to(surface.rest.device)).cpu().numpy()
    local_joints = rig.joint_positions(transforms)
    forearm = transforms[:, rig.bone("Forearm_R"), :3, :3] @ (rig.inverse_bind[rig.bone("Forearm_R"), :3, :3] @ [0.0, 0.0, 1.0])
    placed = []
    for k, image in enumerate(chosen):
        mirror = np.diag([1.0, -1.0, 1.0]) if rng.random() < OTHER_HAND_SHARE else np.eye(3)
        centre = local_joints[k].mean(0)
        arm = local_joints[k, WRIST] + FOREARM_LENGTH_M * forearm[k] / np.linalg.norm(forearm[k])
        outline = (np.vstack([local_joints[k], arm]) - centre) @ mirror
        turn, offset = _place(rng, joints[image], outline, np.linalg.det(mirror))
        if turn is None:
            continue
        vertices = (local[k] - centre) @ mirror @ turn.T + offset
        _draw(things, int(image), vertices, outline[:21] @ turn.T + offset, mirror, surface, assets, skin)
        placed.append(image)
    return np.array(placed, int)


def _place(rng: np.random.Generator, first: FloatArray, outline: FloatArray, chirality: float) -> tuple[FloatArray | None, FloatArray]:
    """Rotation and place of a second hand (22, 3): 21 joints and a point of the forearm round their middle. None if there is none.
    Chirality 1 is a right hand, -1 a left one."""
    middle = first.mean(0)
    ray = middle / np.linalg.norm(middle)
    for _ in range(6):
        if rng.random() < CLASP_SHARE:
            turn, offset, direction = _palm_to_palm(rng, first, outline, chirality)
        else:
            turn = sample_views(rng, 1).rotation[0]
            (near, far), (inner, outer) = PLACES[rng.integers(len(PLACES))]
            aside = np.cross(ray, rng.standard_normal(3))
            aside /= np.linalg.norm(aside)
            offset = middle + rng.uniform(near, far) * ray + rng.uniform(inner, outer) * aside
            direction = (offset - middle) / np.linalg.norm(offset - middle)
        turned = outline @ turn.T
        for push in PUSHES_M:
            second = turned + offset + push * direction
            if not _pierces(first, second):
                if second[:, 2].min() > 0.1 and _hidden(first, second) <= MOST_HIDDEN:
                    return turn, offset + push * direction
                break
    return None, middle


def _palm_to_palm(
    rng: np.random.Generator, first: FloatArray, outline: FloatArray, chirality: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rotation, place and the direction to move away in of a hand that claps onto the first one's palm."""
    mine, other = _palm_frame(first, 1.0), _palm_frame(outline, chirality)
    # Palms face each other and fingers point the same way: two right hands then have their thumbs on opposite sides.
    turn = mine @ np.diag([1.0, -chirality, -1.0]) @ other.T
    askew = from_rotation_vectors(mine[:, 2] * rng.normal(0, 0.7)) @ from_rotation_vectors(rng.normal(0, 0.15, 3))
    turn = askew @ turn
    palm = first[[WRIST, INDEX_MCP, LITTLE_MCP]].mean(0)
    offset = palm - turn @ outline[[WRIST, INDEX_MCP, LITTLE_MCP]].mean(0) + 0.02 * mine[:, 0] * rng.standard_normal()
    return turn, offset, mine[:, 2]


def _palm_frame(joints: FloatArray, chirality: float) -> FloatArray:
    """Columns: towards the fingers, across towards the index finger, out of the palm; a left hand's frame is left-handed."""
    along = joints[MIDDLE_MCP] - joints[WRIST]
    along /= np.linalg.norm(along)
    across = joints[INDEX_MCP] - joints[LITTLE_MCP]
    across -= (across @ along) * along
    across /= np.linalg.norm(across)
    return np.stack([along, across, chirality * np.cross(along, across)], 1)


def _bones(hand: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Starts, ends (B, 3) and half thickness (B,) of a hand of 21 joints, with or without a point of the forearm."""
    pairs = np.array([*BONES, (WRIST, 21)][: 20 + (len(hand) > 21)])
    size = np.linalg.norm(hand[MIDDLE_MCP] - hand[WRIST]) / PALM_LENGTH_M
    return hand[pairs[:, 0]], hand[pairs[:, 1]], np.append(CAPSULE_RADII * size, FOREARM_RADIUS_M)[: len(pairs)]


def _pierces(first: FloatArray, second: FloatArray) -> bool:
    a, b, mine = _bones(first)
    c, d, its = _bones(second)
    gap = segment_distance(a[:, None], b[:, None], c, d)
    return bool((gap < PRESSED * (mine[:, None] + its)).any())


def _hidden(first: FloatArray, second: FloatArray) -> float:
    """Share of the first hand's joints that lie behind the second hand's flesh."""
    c, d, thickness = _bones(second)
    gap = segment_distance(np.zeros((21, 1, 3)), 0.98 * first[:, None], c, d)
    return float((gap < thickness).any(1).mean())


def _draw(
    things: Things,
    image: int,
    vertices: FloatArray,
    joints: FloatArray,
    mirror: FloatArray,
    surface: HandSurface,
    assets: Assets,
    skin: Skin,
) -> None:
    faces = surface.faces.cpu().numpy()
    device = surface.rest.device
    points = torch.from_numpy(vertices[None]).float().to(device)
    normals = surface.normals(points)
    if np.linalg.det(mirror) < 0:
        faces, normals = faces[:, ::-1], -normals
    ambient = ambient_occlusion(points, normals, torch.from_numpy(joints[None]).float().to(device))
    index = torch.full((len(vertices),), image, device=device)
    colour = skin_colour(skin, assets, index, surface.uv, surface.forearm > skin.sleeve_from[image]) * ambient[0, :, None]
    corners = vertices[faces]
    things.add(image, corners, normals[0].cpu().numpy()[faces], colour.cpu().numpy()[faces], surface.loose.cpu().numpy())
