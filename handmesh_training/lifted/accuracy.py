"""How good the lifting is: on renders that training never saw, and on real hands as far as they can tell."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch

from handmesh_ros.evaluation.metrics import point_errors, similarity_align
from handmesh_ros.hand import FloatArray
from handmesh_training.lifted.corrector_training import Pairs, direction_error
from handmesh_training.lifted.network import Lifted
from handmesh_training.lifted.renders import RenderObservations
from handmesh_training.renders.truth import to_reference_size, true_hands
from handmesh_training.template import HandTemplate


@dataclass(frozen=True)
class Report:
    """Millimetres unless said otherwise; ``world`` is the landmark network's own world landmarks on the same pictures.

    Attributes:
        hands: how many renders; vertices_pa, joints_pa, world_pa: mean error after similarity alignment;
        joints_upright, world_upright: the same without rotation in the alignment, so that tilt counts.
        vertices_root: after laying the wrists on each other, both at reference size.
        real_hands: how many looks at real hands; real_picture_percent: median distance of projected joints from the keypoints after
            the best shift and scale, percent of the hand's size (longer side of the keypoints' box), real_world_picture_percent of
            the world landmarks; real_direction, real_world_direction: distance of bones from the mean of six looks.
    """

    hands: int
    vertices_pa: float
    vertices_root: float
    joints_pa: float
    world_pa: float
    joints_upright: float
    world_upright: float
    real_hands: int
    real_picture_percent: float
    real_world_picture_percent: float
    real_direction: float
    real_world_direction: float

    def lines(self) -> list[str]:
        """For people: one ``name: value`` a line."""
        return [f"{name}: {value:.2f}" if isinstance(value, float) else f"{name}: {value}" for name, value in asdict(self).items()]


def measure_accuracy(network: Lifted, template: HandTemplate, renders: RenderObservations, real: Pairs) -> Report:
    """Measure on held-back renders and real hands."""
    network.eval()
    with torch.no_grad():
        vertices, joints = (
            part.numpy() for part in network(torch.from_numpy(renders.seen.landmarks), torch.from_numpy(renders.seen.world))
        )
        real_joints = network(real.landmarks, real.world)[1]
        base = network.corrector.base(real.world)
    true_vertices, true_joints = true_hands(template, renders.local_rotations, renders.bone_scale, renders.rotation)
    world = renders.seen.world
    keypoints = real.landmarks[..., :2].numpy()
    at_size = to_reference_size(true_vertices, true_joints, template.reference_size_m)
    return Report(
        hands=len(renders),
        vertices_pa=_aligned(vertices, true_vertices),
        vertices_root=float(1000 * point_errors(vertices, at_size).mean()),
        joints_pa=_aligned(joints, true_joints),
        world_pa=_aligned(world, true_joints),
        joints_upright=_aligned(joints, true_joints, rotation=False),
        world_upright=_aligned(world, true_joints, rotation=False),
        real_hands=len(real_joints),
        real_picture_percent=picture_percent(real_joints.numpy(), keypoints),
        real_world_picture_percent=picture_percent(real.world.numpy(), keypoints),
        real_direction=float(direction_error(real_joints, real.target).mean()),
        real_world_direction=float(direction_error(base, real.target).mean()),
    )


def picture_percent(joints: FloatArray, keypoints: FloatArray) -> float:
    """Median over hands and joints of the distance in the picture, percent of the keypoints' box, after the best shift and scale."""
    flat = joints[..., :2] - joints[..., :2].mean(1, keepdims=True)
    marks = keypoints - keypoints.mean(1, keepdims=True)
    scale = (flat * marks).sum((1, 2)) / (flat**2).sum((1, 2))
    size = np.ptp(keypoints, axis=1).max(1)
    return float(100 * np.median(np.linalg.norm(scale[:, None, None] * flat - marks, axis=-1) / size[:, None]))


def _aligned(points: FloatArray, target: FloatArray, rotation: bool = True) -> float:
    return float(1000 * point_errors(similarity_align(points, target, rotation=rotation), target).mean())
