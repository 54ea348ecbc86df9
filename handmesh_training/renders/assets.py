"""Loads what a picture is made of: skin textures, environments as light, background photographs. All CC0, Apache-2.0 or MIT."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from handmesh_ros.errors import HandmeshError
from handmesh_training.renders.split import SKIN_SHARES, Part, SkinShares, in_part

SKIN_TEXTURES = ("caucasian_realistic_baseColor", "african_realistic_baseColor", "caucasian_baseColor", "african_baseColor")
GLOVE_TEXTURES = ("labglove_baseColor", "cleaning_glove_baseColor")
RADIANCE_LIMIT = 60.0  # else the few pixels of the sun decide everything, and the low orders ring
BACKGROUND_SIZE = 320


class AssetError(HandmeshError, RuntimeError):
    """An asset is missing or unreadable; the message names the file and what to do."""


@dataclass(frozen=True, eq=False)
class Assets:
    """Everything on one device, ready to be indexed by picture.

    Attributes:
        albedo: (T, H, W, 3) float32, linear RGB; the rows are SKIN_TEXTURES, then GLOVE_TEXTURES.
        normal_map: (H, W, 2) float32, x and y of the tangent-space normal, scaled as the material wants it.
        irradiance: (E, 3, 4, 4) float32, quadratic forms: n^T M n with n = (x, y, z, 1) in world axes (y up) is the light that
            falls on a surface, divided by pi and by the environment's mean radiance.
        backgrounds: (B, 320, 320, 3) uint8, sRGB.
        skin_shares: how many hands wear which textures.
    """

    albedo: Tensor
    normal_map: Tensor
    irradiance: Tensor
    backgrounds: Tensor
    skin_shares: SkinShares = SKIN_SHARES["all"]


def load_assets(assets_dir: Path, texture_size: int = 256, device: torch.device | str = "cpu", part: Part = "all") -> Assets:
    """Reads a part (see ``split.py``) of the assets folder (``hand/textures``, ``environments``, ``backgrounds``); raises AssetError
    naming what is missing."""
    textures = [_read_texture(assets_dir, name, texture_size) for name in SKIN_TEXTURES + GLOVE_TEXTURES]
    normal = _read_texture(assets_dir, "hands_normal", texture_size).astype(np.float32) / 127.5 - 1.0
    # glTF's green points up in the texture while v points down: the tangent along v gets the opposite sign.
    normal_map = 0.25 * np.stack((normal[..., 0], -normal[..., 1]), -1)
    return Assets(
        albedo=srgb_to_linear(torch.from_numpy(np.stack(textures)).to(device).float() / 255.0),
        normal_map=torch.from_numpy(normal_map).to(device),
        irradiance=torch.from_numpy(_environments(assets_dir, part)).to(device),
        backgrounds=torch.from_numpy(read_backgrounds(assets_dir, part)).to(device),
        skin_shares=SKIN_SHARES[part],
    )


def srgb_to_linear(value: Tensor) -> Tensor:
    """IEC 61966-2-1, 0..1."""
    return torch.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(value: Tensor) -> Tensor:
    """IEC 61966-2-1; values outside 0..1 are clipped, as a sensor does."""
    value = value.clamp(0.0, 1.0)
    return torch.where(value <= 0.0031308, value * 12.92, 1.055 * value.clamp_min(1e-6) ** (1 / 2.4) - 0.055)


def irradiance_form(radiance: np.ndarray) -> np.ndarray:
    """Irradiance / pi of an equirectangular picture (H, W, 3), row 0 up, as quadratic forms (3, 4, 4) of the normal.

    Order-2 spherical harmonics after Ramamoorthi and Hanrahan, "An Efficient Representation for Irradiance Environment Maps" (2001).
    World axes: y up, column 0 towards +x.
    """
    height, width, _ = radiance.shape
    polar = (np.arange(height) + 0.5) * np.pi / height
    azimuth = (np.arange(width) + 0.5) * 2 * np.pi / width
    x = np.sin(polar)[:, None] * np.cos(azimuth)
    y = np.repeat(np.cos(polar)[:, None], width, 1)
    z = np.sin(polar)[:, None] * np.sin(azimuth)
    solid = np.repeat((np.sin(polar) * (np.pi / height) * (2 * np.pi / width))[:, None], width, 1)
    basis = np.stack(
        (
            0.282095 * np.ones_like(x), 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
            0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y),
        )
    )  # fmt: skip
    l00, l1y, l1z, l1x, lxy, lyz, lzz, lxz, lxx = np.einsum("bhw,hwc,hw->bc", basis, radiance, solid)
    c1, c2, c3, c4, c5 = 0.429043, 0.511664, 0.743125, 0.886227, 0.247708
    rows = (
        (c1 * lxx, c1 * lxy, c1 * lxz, c2 * l1x),
        (c1 * lxy, -c1 * lxx, c1 * lyz, c2 * l1y),
        (c1 * lxz, c1 * lyz, c3 * lzz, c2 * l1z),
        (c2 * l1x, c2 * l1y, c2 * l1z, c4 * l00 - c5 * lzz),
    )
    return np.asarray(rows).transpose(2, 0, 1) / np.pi


def _environments(assets_dir: Path, part: Part) -> np.ndarray:
    folder = assets_dir / "environments"
    names = in_part(part, "environment", sorted(file.stem for file in folder.glob("*.npz")))
    if not names:
        raise AssetError(f"no environments (*.npz) of the part '{part}' in {folder}: is the assets folder complete?")
    forms = []
    for name in names:
        radiance = np.clip(np.load(folder / f"{name}.npz")["rgb"].astype(np.float64), 0.0, RADIANCE_LIMIT)
        form = irradiance_form(radiance)
        mean = np.trace(form[:, :3, :3].mean(0)) / 3 + form[:, 3, 3].mean()  # of n^T M n over the sphere
        forms.append(form / mean)
    return np.stack(forms).astype(np.float32)


def read_backgrounds(assets_dir: Path, part: Part) -> np.ndarray:
    """The background photographs of a part of the assets, (B, 320, 320, 3) uint8 RGB; raises AssetError naming what is missing."""
    folder = assets_dir / "backgrounds"
    index = folder / "backgrounds.json"
    if not index.is_file():
        raise AssetError(f"{index} is missing: is the assets folder complete?")
    listed = json.loads(index.read_text())
    names = in_part(part, "background", sorted(str(entry["file"]) for entry in listed["images"]))
    if not names:
        raise AssetError(f"{index} lists no background of the part '{part}': is the assets folder complete?")
    pictures = []
    for name in names:
        picture = cv2.imread(str(folder / name), cv2.IMREAD_COLOR)
        if picture is None:
            raise AssetError(f"cannot read the background {folder / name}: missing or broken file")
        side = min(picture.shape[:2])
        top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
        square = picture[top : top + side, left : left + side, ::-1]
        pictures.append(cv2.resize(square, (BACKGROUND_SIZE, BACKGROUND_SIZE), interpolation=cv2.INTER_LINEAR))
    return np.stack(pictures)


def _read_texture(assets_dir: Path, name: str, size: int) -> np.ndarray:
    path = assets_dir / "hand" / "textures" / f"{name}.png"
    texture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if texture is None:
        raise AssetError(f"cannot read the texture {path}: missing or broken file")
    return cv2.resize(texture[..., ::-1], (size, size), interpolation=cv2.INTER_AREA)
