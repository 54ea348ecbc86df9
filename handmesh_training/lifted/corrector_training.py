"""Trains the corrector: renders say what is true, real hands say what may not get worse.

Renders teach depth and tilt, but their hands are one person's and their pictures are not photographs. Real hands have no truth; they
keep the answer on the picture's keypoints, and close to the mean of several looks at the same hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from handmesh_ros.hand import JOINT_PARENTS, FloatArray
from handmesh_training.lifted.network import Corrector
from handmesh_training.lifted.real import RealLooks
from handmesh_training.lifted.renders import RenderObservations
from handmesh_training.renders.truth import to_reference_size

# Loss weights, all of lengths in millimetres.
WEIGHT_PICTURE, WEIGHT_DIRECTION, WEIGHT_RESIDUAL = 0.3, 1.0, 0.02
# Jitter of the inputs, so that a few thousand observations are not learned by heart: parts of the hand's spread, metres.
NOISE_PICTURE, NOISE_WORLD_M, NOISE_TILT = 0.01, 0.0015, 0.06


@dataclass(frozen=True, eq=False)
class Pairs:
    """Inputs and targets as tensors.

    Attributes:
        landmarks, world: (N, 21, 3), as the network said them.
        target: (N, 21, 3) joints, wrist-relative, crop axes, metres at reference size.
        true_joints: (N,) 1 where the target is the truth, 0 where only its bones' directions count.
    """

    landmarks: Tensor
    world: Tensor
    target: Tensor
    true_joints: Tensor

    @classmethod
    def join(cls, parts: list[Pairs]) -> Pairs:
        return cls(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)))


def render_pairs(renders: RenderObservations, reference_size_m: float) -> Pairs:
    """Pairs from renders."""
    target = to_reference_size(renders.joints, renders.joints, reference_size_m)
    return Pairs(_tensor(renders.seen.landmarks), _tensor(renders.seen.world), _tensor(target), torch.ones(len(target)))


def real_pairs(looks: RealLooks, chosen: np.ndarray) -> Pairs:
    """Pairs from the ``chosen`` (N,) real pictures: every direct look as input, the mean of all looks as target."""
    count, per_picture = looks.sizes.shape
    world = looks.observations.world.reshape(count, per_picture, 21, 3)
    relative = world - world[:, :, :1]
    mean = mean_of_looks(relative, looks.axes)
    landmarks = looks.observations.landmarks.reshape(count, per_picture, 21, 3)
    inputs, worlds, targets = [], [], []
    for look in range(per_picture // 2):
        to_look = np.swapaxes(looks.axes[:, look], 1, 2) @ looks.axes[:, 0]
        target = mean.copy()
        target[..., :2] = mean[..., :2] @ np.swapaxes(to_look, 1, 2)
        inputs.append(landmarks[chosen, look])
        worlds.append(world[chosen, look])
        targets.append(target[chosen])
    target = np.concatenate(targets)
    return Pairs(_tensor(np.concatenate(inputs)), _tensor(np.concatenate(worlds)), _tensor(target), torch.zeros(len(target)))


def mean_of_looks(relative: FloatArray, axes: FloatArray) -> FloatArray:
    """(N, 21, 3) mean of (N, L, 21, 3) wrist-relative joints, each in its crop's axes (N, L, 2, 2), in those of the first crop."""
    turned = relative.copy()
    to_first = np.swapaxes(axes[:, :1], 2, 3) @ axes
    turned[..., :2] = relative[..., :2] @ np.swapaxes(to_first, 2, 3)
    return turned.mean(1)


def train_corrector(
    corrector: Corrector, renders: Pairs, real: Pairs, steps: int, batch: int = 256, rate: float = 2e-3,
    report: Callable[[int, float], None] | None = None,
) -> None:  # fmt: skip
    """Half of every batch renders, half real hands; Adam with a cosine schedule. ``report`` gets step and loss."""
    optimizer = torch.optim.AdamW(corrector.parameters(), lr=rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for step in range(steps):
        picked = [_pick(pairs, batch // 2) for pairs in (renders, real)]
        landmarks, world, target, is_true = (torch.cat(values) for values in zip(*picked, strict=True))
        noisy_landmarks, noisy_world = _disturb(landmarks, world)
        joints = corrector(noisy_landmarks, noisy_world)
        loss = joint_loss(joints, target, is_true, landmarks) + WEIGHT_RESIDUAL * _mm(joints - corrector.base(noisy_world)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if report is not None:
            report(step, float(loss.detach()))


def joint_loss(joints: Tensor, target: Tensor, is_true: Tensor, landmarks: Tensor) -> Tensor:
    """Millimetres: distance to true joints; bone directions where there is no truth; distance of the keypoints in the picture."""
    distance = _mm(joints - target).mean(1)
    direction = direction_error(joints, target)
    picture = picture_error(joints, landmarks[..., :2])
    per_hand = is_true * distance + (1 - is_true) * WEIGHT_DIRECTION * direction + WEIGHT_PICTURE * picture
    return per_hand.mean()


def direction_error(joints: Tensor, target: Tensor) -> Tensor:
    """(N,) mean over bones of how far their ends are apart if their lengths were the answer's, mm."""
    parents = [max(parent, 0) for parent in JOINT_PARENTS]
    bones, wanted = (joints - joints[:, parents])[:, 1:], (target - target[:, parents])[:, 1:]
    lengths = bones.square().sum(2, keepdim=True).clamp(min=1e-10).sqrt()
    wanted = wanted / wanted.square().sum(2, keepdim=True).clamp(min=1e-10).sqrt()
    return _mm(bones - lengths.detach() * wanted).mean(1)


def picture_error(joints: Tensor, keypoints: Tensor) -> Tensor:
    """(N,) mean distance in the picture plane after the best shift and scale of (N, 21, 2) keypoints, mm at the hand's size."""
    flat = joints[..., :2] - joints[..., :2].mean(1, keepdim=True)
    marks = keypoints - keypoints.mean(1, keepdim=True)
    scale = (flat * marks).sum((1, 2)) / marks.square().sum((1, 2)).clamp(min=1e-8)
    return _mm(flat - scale[:, None, None] * marks).mean(1)


def _mm(vectors: Tensor) -> Tensor:
    return 1000 * (vectors.square().sum(-1) + 1e-10).sqrt()


def _pick(pairs: Pairs, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rows = torch.randint(len(pairs.target), (count,))
    return pairs.landmarks[rows], pairs.world[rows], pairs.target[rows], pairs.true_joints[rows]


def _disturb(landmarks: Tensor, world: Tensor) -> tuple[Tensor, Tensor]:
    spread = landmarks[..., :2].std(1, keepdim=True).mean(2, keepdim=True)
    # Tilt is what the network is least sure of: turn the world landmarks a little.
    turn = torch.linalg.matrix_exp(_skew(NOISE_TILT * torch.randn(len(world), 3)))
    turned = world @ turn + NOISE_WORLD_M * torch.randn_like(world)
    return landmarks + NOISE_PICTURE * spread * torch.randn_like(landmarks), turned


def _skew(vectors: Tensor) -> Tensor:
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).view(-1, 3, 3)


def _tensor(values: FloatArray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
