"""What a camera does to light before a program sees it: blur, exposure, noise, colour, compression."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from handmesh_training.renders.assets import linear_to_srgb

FOCUS_REACH = 3  # pixels on each side
# ITU-T T.81, annex K: example quantisation tables of luminance and chrominance at quality 50.
LUMINANCE_TABLE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100,
    103, 99,
)  # fmt: skip
CHROMINANCE_TABLE = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
    *(99,) * 32,
)  # fmt: skip
RGB_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


@dataclass(frozen=True, eq=False)
class Sensor:
    """Camera of each of N pictures.

    Attributes:
        gain: (N, 3) exposure and white balance, factor in linear light.
        blur_px: (N,) standard deviation of the focus; motion_px: (N, 2) length and direction of a straight smear.
        shot_noise, read_noise: (N,) standard deviation at full scale, linear light.
        jpeg_quality: (N,) 1..100; above 99.5 there is no compression.
    """

    gain: Tensor
    blur_px: Tensor
    motion_px: Tensor
    shot_noise: Tensor
    read_noise: Tensor
    jpeg_quality: Tensor


def expose(radiance: Tensor, sensor: Sensor, generator: torch.Generator) -> Tensor:
    """(N, H, W, 3) linear light to uint8 sRGB."""
    light = (radiance * sensor.gain[:, None, None]).permute(0, 3, 1, 2)
    light = _blur(light, sensor)
    noise = torch.randn(light.shape, generator=generator, device=light.device)
    spread = sensor.shot_noise[:, None, None, None] * light.clamp(0, 1).sqrt() + sensor.read_noise[:, None, None, None]
    picture = linear_to_srgb(light + noise * spread) * 255.0
    compressed = sensor.jpeg_quality < 99.5
    if bool(compressed.any()):
        picture[compressed] = compress(picture[compressed], sensor.jpeg_quality[compressed])
    return picture.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _blur(light: Tensor, sensor: Sensor) -> Tensor:
    """The focus, then the smear along a line where there is one."""
    light = blurred(light, sensor.blur_px.clamp_min(0.1), FOCUS_REACH)
    smeared = (sensor.motion_px.norm(dim=1) > 0.5).nonzero().squeeze(1).tolist()
    for picture in smeared:
        light[picture] = _smear(light[picture], sensor.motion_px[picture])
    return light


def blurred(x: Tensor, spread: Tensor, reach: int) -> Tensor:
    """Gaussians of standard deviations (N,), pixels, cut off at ``reach``, over pictures (N, C, H, W): row by row and column by column."""
    steps = torch.arange(-reach, reach + 1, device=x.device)
    taps = torch.exp(-0.5 * (steps / spread[:, None]) ** 2)
    taps = (taps / taps.sum(1, keepdim=True)).T[:, :, None, None, None]
    for axis in (2, 3):
        padding = [reach, reach, 0, 0] if axis == 3 else [0, 0, reach, reach]
        padded, length = functional.pad(x, padding, mode="replicate"), x.shape[axis]
        x = taps[0] * padded.narrow(axis, 0, length)
        for step in range(1, len(taps)):
            x.addcmul_(taps[step].expand_as(x), padded.narrow(axis, step, length))
    return x


def _smear(light: Tensor, motion: Tensor) -> Tensor:
    """Mean of a (3, H, W) picture along a straight way, in steps of about a pixel."""
    count = int(motion.norm().ceil()) + 1
    offsets = torch.linspace(-0.5, 0.5, count)[:, None] * motion.cpu()
    reach = int(offsets.abs().max().ceil()) + 1
    padded = functional.pad(light[None], [reach] * 4, mode="replicate")[0]
    height, width = light.shape[1:]
    shifts = [(reach + round(float(dy)), reach + round(float(dx))) for dx, dy in offsets]
    return torch.stack([padded[:, y : y + height, x : x + width] for y, x in shifts]).mean(0)


def compress(picture: Tensor, quality: Tensor) -> Tensor:
    """Baseline JPEG's loss without its file: 8 x 8 cosine transform, quantisation, colour at half resolution. (N, 3, H, W), 0..255."""
    height, width = picture.shape[2:]
    to_ycc = torch.tensor(RGB_TO_YCC, device=picture.device)
    padded = functional.pad(picture, [0, -width % 16, 0, -height % 16], mode="replicate") - 128.0
    luma_chroma = torch.einsum("ij,njhw->nihw", to_ycc, padded)
    scale = torch.where(quality < 50, 50.0 / quality, 2.0 - quality / 50.0).clamp_min(0.01)
    luma = _quantize(luma_chroma[:, :1], LUMINANCE_TABLE, scale)
    chroma = functional.avg_pool2d(luma_chroma[:, 1:], 2)
    chroma = functional.interpolate(_quantize(chroma, CHROMINANCE_TABLE, scale), scale_factor=2, mode="bilinear")
    decoded = torch.einsum("ij,njhw->nihw", torch.linalg.inv(to_ycc), torch.cat((luma, chroma), 1))
    return decoded[:, :, :height, :width] + 128.0


def _quantize(planes: Tensor, table: tuple[int, ...], scale: Tensor) -> Tensor:
    count, channels, height, width = planes.shape
    steps = torch.arange(8, device=planes.device, dtype=planes.dtype)
    cosines = torch.cos((2 * steps[None] + 1) * steps[:, None] * math.pi / 16) * 0.5
    cosines[0] *= math.sqrt(0.5)
    blocks = planes.reshape(count, channels, height // 8, 8, width // 8, 8).transpose(3, 4)
    quantum = torch.tensor(table, device=planes.device, dtype=planes.dtype).view(8, 8)
    quantum = (quantum * scale[:, None, None]).clamp_(min=1.0)[:, None, None, None]
    levels = (cosines @ blocks @ cosines.T / quantum).round_()
    restored = cosines.T @ (levels * quantum) @ cosines
    return restored.transpose(3, 4).reshape(count, channels, height, width)
