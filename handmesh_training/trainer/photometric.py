"""What cameras, light and things in the way do to patches: random changes of (B, 3, S, S) pictures, RGB 0..1, a whole batch at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handmesh_training.renders.sensor import blurred, compress
from handmesh_training.trainer.dice import Dice

FRAME_NOISE = 4 / 255  # noises from one video frame to the next have standard deviations drawn below this
SOFT_SHARE, SMEARED_SHARE = 0.38, 0.12
BLUR_REACH, SMEAR_STEPS = 4, 7
GREY = (0.299, 0.587, 0.114)


def photometric(patches: Tensor, dice: Dice) -> Tensor:
    """Colour, contrast, sharpness, noise and compression of another camera."""
    x = patches.clone()
    soft, smeared = dice.some(SOFT_SHARE), dice.some(SMEARED_SHARE)
    x[soft] = blurred(x[soft], dice.uniform(0.3, 1.8)[soft], BLUR_REACH)
    if len(smeared):
        x[smeared] = _smeared(x[smeared], dice.uniform(3, 10)[smeared], dice.uniform(0, torch.pi)[smeared])
    gain = dice.normal(0.25, 1).exp() * (1 + dice.normal(0.06, 3))
    x = x.clamp(min=1e-4) ** dice.normal(0.2).exp()[:, None, None, None] * gain[:, :, None, None]
    x = _recoloured(x, dice)
    ramp = torch.linspace(-0.5, 0.5, x.shape[-1], device=x.device)
    slope = dice.normal(0.5, 2) * dice.chance(0.2)[:, None]  # light that falls off across the patch
    x = x * (1 + (slope[:, :1, None] * ramp[:, None] + slope[:, 1:, None] * ramp)[:, None]).clamp(min=0.1)
    noise = dice.uniform(0.003, 0.04) * dice.chance(0.5)
    x = (x + noise[:, None, None, None] * dice.normal(1.0, *x.shape[1:])).clamp(0, 1)
    return _some_compressed(x, 0.2, dice)


def next_frame(patches: Tensor, dice: Dice) -> Tensor:
    """The same in the next video frame: other sensor noise, a little sharper or softer, brighter or darker, and the codec's marks."""
    sharpness = dice.uniform(-0.5, 1.0) * dice.chance(0.5)  # below 0 sharpens
    x = patches + sharpness[:, None, None, None] * (blurred(patches, torch.full_like(sharpness, 0.8), 2) - patches)
    x = x * dice.normal(0.015).exp()[:, None, None, None]
    x = x + dice.uniform(0, FRAME_NOISE)[:, None, None, None] * dice.normal(1.0, *x.shape[1:])
    kind, strength = dice.integers(3), dice.uniform(0, FRAME_NOISE)
    for number, cells in enumerate((8, 16, 32)):  # what the codec changes has no fine grain
        marks = nn.functional.interpolate(dice.normal(1.0, 3, cells, cells), x.shape[2:], mode="bilinear", align_corners=False)
        x = x + (strength * (kind == number))[:, None, None, None] * marks
    return _some_compressed(x.clamp(0, 1), 0.5, dice)


def occluded(patches: Tensor, others: Tensor, share: float, dice: Dice) -> Tensor:
    """Put a rectangle or an ellipse over a part of some: of one colour, or cut out of other pictures."""
    rows = dice.some(share)
    x, y = _offsets(dice.uniform(0, 1, 2)[rows], dice.uniform(0, torch.pi)[rows], patches.shape[-1])
    half = dice.uniform(0.05, 0.2, 2)[rows, :, None, None]
    x, y = x / half[:, 0], y / half[:, 1]
    boxes = dice.chance(0.5)[rows, None, None]
    mask = torch.where(boxes, torch.maximum(x.abs(), y.abs()), (x**2 + y**2)) <= 1
    plain = dice.uniform(0, 1, 3)[rows, :, None, None].expand_as(patches[rows])
    cover = torch.where(dice.chance(0.6)[rows, None, None, None], others[rows], plain)
    result = patches.clone()
    result[rows] = torch.where(mask[:, None], cover, patches[rows])
    return result


def covered(patches: Tensor, keypoints: Tensor, others: Tensor) -> Tensor:
    """The patches with all of the hand, keypoints (B, 21, 2) in fractions, under an ellipse of other pictures."""
    flesh = 0.12 * (keypoints.amax(1) - keypoints.amin(1)).amax(1)
    middle = keypoints.mean(1)
    away = keypoints - middle[:, None]
    spread = away.transpose(1, 2) @ away / keypoints.shape[1]
    spread = spread + (0.5 * flesh**2)[:, None, None] * torch.eye(2, device=keypoints.device)
    inverse = torch.linalg.inv(spread)
    reach = (torch.einsum("bki,bij,bkj->bk", away, inverse, away).amax(1).sqrt() + 1) ** 2  # a standard deviation beyond the last joint
    x, y = _offsets(middle, torch.zeros_like(flesh), patches.shape[-1])
    a, b, c = (inverse[:, i, j, None, None] for i, j in ((0, 0), (0, 1), (1, 1)))
    mask = a * x**2 + 2 * b * x * y + c * y**2 <= reach[:, None, None]
    return torch.where(mask[:, None], others, patches)


def _smeared(x: Tensor, length: Tensor, angle: Tensor) -> Tensor:
    """Mean along straight ways, lengths (B,) in pixels."""
    size = x.shape[-1]
    still = torch.eye(2, 3, device=x.device).expand(len(x), 2, 3)
    way = 2 / size * length[:, None] * torch.stack((angle.cos(), angle.sin()), 1)
    total = torch.zeros_like(x)
    for part in torch.linspace(-0.5, 0.5, SMEAR_STEPS).tolist():
        affine = torch.cat((still[:, :, :2], part * way[:, :, None]), 2)
        grid = nn.functional.affine_grid(affine, list(x.shape), align_corners=False)
        total += nn.functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return total / SMEAR_STEPS


def _recoloured(x: Tensor, dice: Dice) -> Tensor:
    """Saturation, hue and contrast, as one matrix for each patch."""
    saturation = torch.where(dice.chance(0.06), 0.0, dice.normal(0.3).exp())[:, None, None]
    grey = torch.tensor(GREY, device=x.device).expand(3, 3)
    mix = saturation * torch.eye(3, device=x.device) + (1 - saturation) * grey
    mix = _hue_turn(dice.normal(0.35) * dice.chance(0.2)) @ mix
    contrast = dice.normal(0.2).exp()[:, None]
    middle = (mix @ x.mean((2, 3))[..., None]).mean((1, 2))[:, None]
    offset = (1 - contrast) * middle
    return ((contrast[..., None] * mix) @ x.flatten(2) + offset[..., None]).view_as(x)


def _hue_turn(angle: Tensor) -> Tensor:
    """(B, 3, 3) rotations of RGB about grey."""
    third = 3**-0.5
    cross = torch.tensor([[0, -third, third], [third, 0, -third], [-third, third, 0]], device=angle.device)
    sine, rest = angle.sin()[:, None, None], (1 - angle.cos())[:, None, None]
    return torch.eye(3, device=angle.device) + sine * cross + rest * (cross @ cross)


def _some_compressed(x: Tensor, share: float, dice: Dice) -> Tensor:
    rows = dice.some(share)
    if not len(rows):
        return x
    x = x.clone()
    x[rows] = compress(255 * x[rows], dice.uniform(30, 90)[rows]).clamp(0, 255).round() / 255
    return x


def _offsets(middle: Tensor, angle: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """(B, S, S) twice: where each pixel lies from the middle (B, 2), along axes turned by angles (B,); fractions of the patch."""
    steps = (torch.arange(size, device=middle.device) + 0.5) / size
    x = (steps[None] - middle[:, :1])[:, None, :]
    y = (steps[None] - middle[:, 1:])[:, :, None]
    c, s = angle.cos()[:, None, None], angle.sin()[:, None, None]
    return c * x + s * y, c * y - s * x
