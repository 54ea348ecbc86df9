"""Hand meshes for real pictures: the template's pose and shape that explain what the teacher says of a hand.

Keypoints in the picture are the teacher's strength, so they rule; its depths say which of the poses that look alike in the picture is
meant, each as far as it is sure, together with the lengths of the bones, the limits of the joints and how likely a pose is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from handmesh_ros.hand import INDEX_MCP, LITTLE_MCP, MIDDLE_MCP, PALM_JOINTS, FloatArray
from handmesh_training.labels.skeleton import HandPrior, Skeleton, bones_of, exponential
from handmesh_training.template import HandTemplate

# A fit is good below these; looser than nine in ten of the renders that the teacher reads as it reads real hands.
MAX_MEDIAN_RESIDUAL, MAX_RESIDUAL, MAX_POSE_SCORE, MAX_SHAPE_SCORE, MAX_DEPTH_GAP_M = 0.025, 0.08, 0.5, 1.0, 0.006
# Where the teacher marks a joint, from where the template has it: millimetres in the axes of the joint's bone (x to the back of the hand,
# y along it), for a hand of the reference size. Measured on 485 renders (renders/mark_offsets.py).
MARK_OFFSETS_MM = (
    (-5.6, -7.6, -1.8),
    (2.4, 4.7, 5.0),
    (2.6, 4.6, 5.1),
    (1.1, -3.1, 1.2),
    (1.2, -8.1, 0.7),
    (-1.4, -0.0, 2.8),
    (-8.0, -3.6, 1.1),
    (-7.1, -2.0, 0.3),
    (1.1, -5.3, -0.2),
    (-4.6, 3.1, 2.5),
    (-6.0, -3.3, 3.2),
    (-6.4, -2.4, 1.9),
    (-0.0, -6.5, 0.9),
    (-2.7, 4.1, 2.6),
    (-5.3, -2.0, 2.3),
    (-6.1, -1.4, 2.7),
    (0.3, -6.2, 1.5),
    (-2.6, 2.2, 2.4),
    (-5.9, -1.7, 1.5),
    (-5.1, -0.3, 0.8),
    (2.1, -6.1, 0.4),
)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of N hands, all as right hands, in one crop's axes each (x right, y down, z away).

    Attributes:
        keypoints: (N, 21, 2), in hand sizes (longer side of their box), origin anywhere; keypoint_sigma: (N, 21) likewise.
        joints: (N, 21, 3) the teacher's marks in space, in sums of bone lengths, wrist-relative; depth_sigma: (N, 21) of their z, likewise,
            about the common centre. Their x and y say the same as the keypoints and only help to find the size.
    """

    keypoints: FloatArray
    keypoint_sigma: FloatArray
    joints: FloatArray
    depth_sigma: FloatArray

    def __len__(self) -> int:
        return len(self.keypoints)


@dataclass(frozen=True)
class FitWeights:
    """How the terms of a fit are weighed; found on renders, where the truth is known (docs/pseudo-labels.md)."""

    pose: float = 1.5
    shape: float = 1.0
    limit: float = 1700.0  # per radian squared
    distance_m: float = 0.6  # of the camera from the hand, a guess with this spread of its logarithm:
    distance_spread: float = 0.4
    steps: int = 200
    rate: float = 0.1


@dataclass(frozen=True, eq=False)
class Fits:
    """N fitted hands; fields are those of ``RenderBatch``: the mesh in crop axes, wrist-relative, is
    ``(template.pose(local_rotations, bone_scale)[0] - wrist[:, None]) @ rotation.transpose(0, 2, 1)``.

    Attributes:
        local_rotations: (N, 27, 3, 3); bone_scale: (N, 27, 3), wrist to middle mcp at the template's reference size.
        rotation: (N, 3, 3) mesh frame to crop axes; wrist: (N, 3), in the mesh frame.
        joints: (N, 21, 3) metres, wrist-relative, crop axes.
        keypoints: (N, 21, 2) the joints in the picture, unit and origin of the evidence. Not where the teacher marks
            them: these are the template's joints, as in renders.
        residuals: (N, 21) distance of the fitted marks from the teacher's, fractions of the hand's size.
        pose_score, shape_score: (N,) mean square of the whitened parameters; 1 is as odd as a random hand of the prior, and what
            the evidence does not tell stays at the mean, 0.
        depth_gap: (N,) metres, mean distance in depth of the fitted marks from the teacher's (size free, about their centres).
    """

    local_rotations: FloatArray
    bone_scale: FloatArray
    rotation: FloatArray
    wrist: FloatArray
    joints: FloatArray
    keypoints: FloatArray
    residuals: FloatArray
    pose_score: FloatArray
    shape_score: FloatArray
    depth_gap: FloatArray

    @property
    def good(self) -> NDArray[np.bool_]:
        """(N,) whether the fit explains the keypoints, agrees with the teacher's depths and is a likely hand."""
        in_picture = (np.median(self.residuals, axis=1) < MAX_MEDIAN_RESIDUAL) & (self.residuals.max(1) < MAX_RESIDUAL)
        return in_picture & (self.pose_score < MAX_POSE_SCORE) & (self.shape_score < MAX_SHAPE_SCORE) & (self.depth_gap < MAX_DEPTH_GAP_M)


class Fitter:
    """Fits the template; hold one for several batches, measuring the prior takes seconds."""

    def __init__(self, template: HandTemplate, weights: FitWeights | None = None) -> None:
        self.weights = weights or FitWeights()
        self._reference_size_m = template.reference_size_m
        self._skeleton = Skeleton(template.rig)
        self._prior = HandPrior.measure(template)
        self._mark_offsets = torch.tensor(MARK_OFFSETS_MM) / 1000

    def fit(self, evidence: Evidence, report: Callable[[int, float], None] | None = None) -> Fits:
        """Adam on all hands at once, from the likeliest of many sampled poses. ``report`` gets the step and the mean loss."""
        target = {f.name: _tensor(getattr(evidence, f.name)) for f in fields(Evidence)}
        origin = target["keypoints"].mean(1, keepdim=True)
        target["keypoints"] = target["keypoints"] - origin
        pose, start = self._nearest_samples(target["joints"])
        unknowns = {
            "pose": pose, "shape": torch.zeros(len(pose), len(self._prior.shape_axes)), "turn": torch.zeros(len(pose), 3),
            "shift": torch.zeros(len(pose), 2), "size": torch.zeros(len(pose)), "distance": torch.zeros(len(pose)),
        }  # fmt: skip
        joints, _ = self._joints(unknowns, start)
        unknowns["size"] = _best_size(joints[..., :2], target["keypoints"]).log()
        for unknown in unknowns.values():
            unknown.requires_grad_()
        optimizer = torch.optim.Adam(list(unknowns.values()), lr=self.weights.rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.weights.steps)
        for step in range(self.weights.steps):
            loss = self._loss(unknowns, start, target)
            optimizer.zero_grad()
            loss.sum().backward()
            optimizer.step()
            schedule.step()
            if report is not None:
                report(step, float(loss.detach().mean()))
        with torch.no_grad():
            return self._result(unknowns, start, target, origin)

    def _nearest_samples(self, joints: Tensor) -> tuple[Tensor, Tensor]:
        """Whitened poses (N, 57) of the sampled hands that resemble the guess most, and their rotations to crop axes (N, 3, 3)."""
        ours, guess = _in_palm(self._prior.sample_joints), _in_palm(joints)
        pick = torch.cat([torch.cdist(part.flatten(1), ours.flatten(1)).argmin(1) for part in guess.split(256)])
        rotation = _kabsch(self._prior.sample_joints[pick], joints)
        return self._prior.poses[pick].clone(), rotation

    def _joints(self, unknowns: dict[str, Tensor], start: Tensor) -> tuple[Tensor, Tensor]:
        """Joints (N, 21, 3), metres at reference size, wrist-relative, crop axes, and where the teacher marks them, likewise."""
        prior = self._prior
        joints, turns = self._skeleton.joints(prior.local_rotations(unknowns["pose"]), prior.bone_scale(unknowns["shape"]))
        joints = joints - joints[:, :1]
        joints = joints * (self._reference_size_m / joints[:, MIDDLE_MCP].norm(dim=1))[:, None, None]
        marks = joints + (turns @ self._mark_offsets[..., None])[..., 0]
        to_crop = (exponential(unknowns["turn"]) @ start).transpose(1, 2)
        return joints @ to_crop, marks @ to_crop

    def _projected(self, points: Tensor, joints: Tensor, unknowns: dict[str, Tensor]) -> Tensor:
        """(N, 21, 2), in hand sizes, of (N, 21, 3) points of the hands with these joints."""
        distance = self.weights.distance_m * (self.weights.distance_spread * unknowns["distance"]).exp()
        centred = points - joints.mean(1, keepdim=True)
        nearness = 1 / (1 + (centred[..., 2:] / distance[:, None, None]).clamp(min=-0.7))
        return unknowns["size"].exp()[:, None, None] * centred[..., :2] * nearness + unknowns["shift"][:, None]

    def _depth_gaps(self, marks: Tensor, target: dict[str, Tensor]) -> Tensor:
        """(N, 21) metres, by which the marks lie deeper than the teacher's, all about their centres."""
        size = _best_size(target["joints"], marks.detach())[:, None]
        depth, expected = (points[..., 2] - points[..., 2].mean(1, keepdim=True) for points in (marks, target["joints"]))
        return depth - size * expected

    def _loss(self, unknowns: dict[str, Tensor], start: Tensor, target: dict[str, Tensor]) -> Tensor:
        """(N,) negative log likelihood, constants left out."""
        joints, marks = self._joints(unknowns, start)
        in_picture = (self._projected(marks, joints, unknowns) - target["keypoints"]).square().sum(2) / target["keypoint_sigma"].square()
        in_depth = self._depth_gaps(marks, target).square() / (target["depth_sigma"] * _bone_sum(joints.detach())[:, None]).square()
        weights, prior = self.weights, self._prior
        return 0.5 * (
            _robust(in_picture).sum(1)
            + _robust(in_depth).sum(1)
            + weights.pose * unknowns["pose"].square().sum(1)
            + weights.shape * unknowns["shape"].square().sum(1)
            + weights.limit * prior.beyond_limits(unknowns["pose"]).square().sum(1)
            + unknowns["distance"].square()
        )

    def _result(self, unknowns: dict[str, Tensor], start: Tensor, target: dict[str, Tensor], origin: Tensor) -> Fits:
        joints, marks = self._joints(unknowns, start)
        rotations, scale = self._prior.local_rotations(unknowns["pose"]), self._prior.bone_scale(unknowns["shape"])
        in_mesh, _ = self._skeleton.joints(rotations, scale)
        scale = scale * (self._reference_size_m / (in_mesh[:, MIDDLE_MCP] - in_mesh[:, 0]).norm(dim=1))[:, None, None]
        results = (
            rotations,
            scale,
            exponential(unknowns["turn"]) @ start,
            self._skeleton.joints(rotations, scale)[0][:, 0],
            joints,
            self._projected(joints, joints, unknowns) + origin,
            (self._projected(marks, joints, unknowns) - target["keypoints"]).norm(dim=2),
            unknowns["pose"].square().mean(1),
            unknowns["shape"].square().mean(1),
            self._depth_gaps(marks, target).abs().mean(1),
        )
        return Fits(*(result.numpy().astype(np.float32) for result in results))


def _robust(squares: Tensor) -> Tensor:
    """Student's t (4 degrees of freedom) in place of a square: a keypoint that is plainly wrong pulls little."""
    return 5 * torch.log1p(squares / 4)


def _best_size(points: Tensor, target: Tensor) -> Tensor:
    """(N,) factor that brings (N, P, D) points nearest to their target, both about their means."""
    points, target = points - points.mean(1, keepdim=True), target - target.mean(1, keepdim=True)
    return ((points * target).sum((1, 2)) / points.square().sum((1, 2))).clamp(min=1e-3)


def _bone_sum(joints: Tensor) -> Tensor:
    """(N,) sum of the lengths of the bones."""
    return bones_of(joints).norm(dim=2).sum(1)


def _in_palm(joints: Tensor) -> Tensor:
    """(N, 21, 3) joints in axes of the palm, in palm lengths: the same for every view and size."""
    joints = joints - joints[:, :1]
    up = joints[:, MIDDLE_MCP]
    length = up.norm(dim=1, keepdim=True)
    up = up / length
    across = joints[:, INDEX_MCP] - joints[:, LITTLE_MCP]
    across = torch.nn.functional.normalize(across - (across * up).sum(1, keepdim=True) * up, dim=1)
    axes = torch.stack([up, across, torch.linalg.cross(up, across)], 2)
    return joints @ axes / length[:, None]


def _kabsch(points: Tensor, target: Tensor) -> Tensor:
    """(N, 3, 3) rotations that carry the palms of (N, 21, 3) points onto those of the target best, size and place apart."""
    points, target = (x[:, PALM_JOINTS] - x[:, PALM_JOINTS].mean(1, keepdim=True) for x in (points, target))
    u, _, vt = torch.linalg.svd(target.transpose(1, 2) @ points)
    sign = torch.ones(len(points), 3)
    sign[:, 2] = torch.linalg.det(u @ vt)
    return (u * sign[:, None]) @ vt


def _tensor(values: FloatArray | NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
