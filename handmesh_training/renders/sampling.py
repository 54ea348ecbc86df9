"""Draws what varies from picture to picture: light, skin, background, camera."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from handmesh_ros.hand import FloatArray
from handmesh_training.renders.assets import GLOVE_TEXTURES, SKIN_TEXTURES, Assets
from handmesh_training.renders.scene import Light, Skin
from handmesh_training.renders.sensor import Sensor
from handmesh_training.template.rotation_batches import axis_rotation

SLEEVE_SHARE = 0.45
BACKLIGHT_SHARE, DIM_SHARE, SKIN_COLOURED_SHARE = 0.10, 0.12, 0.08
SKIN_RATIOS = (1.0, 0.62, 0.45)  # of red, green and blue light that skin sends back, roughly


def sample_light(rng: np.random.Generator, assets: Assets, count: int) -> Light:
    """A random environment round a roughly level camera, its brightest side also as a directed light."""
    device = assets.irradiance.device
    world = _camera_in_world(rng, count)
    form = assets.irradiance[torch.from_numpy(rng.integers(len(assets.irradiance), size=count)).to(device)]
    turn = torch.eye(4, device=device).repeat(count, 1, 1)
    turn[:, :3, :3] = torch.from_numpy(world).to(form)
    form = turn.transpose(1, 2)[:, None] @ form @ turn[:, None]
    brightest = form[..., :3, 3].mean(1)
    direction = functional.normalize(brightest, dim=1) + torch.from_numpy(rng.normal(0, 0.45, (count, 3))).to(form)
    # Cameras set their exposure by what they see: mean levels vary little, however bright the place, but for rooms too dim for them.
    dim = rng.random(count) < DIM_SHARE
    level = np.exp(np.where(dim, rng.normal(np.log(0.20), 0.25, count), rng.normal(np.log(0.50), 0.30, count)))
    strength = np.where(rng.random(count) < 0.3, 0.0, rng.uniform(0.1, 1.3, count))
    # A window or a lamp behind the hand: its edge shines, the side that the camera sees lies in the shade.
    against = rng.random(count) < BACKLIGHT_SHARE
    from_behind = np.stack([rng.normal(0, 0.7, count), rng.normal(-0.3, 0.5, count), rng.uniform(0.5, 1.5, count)], 1)
    direction[against] = torch.from_numpy(from_behind[against]).to(form)
    strength[against], level[against] = rng.uniform(1.0, 3.0, against.sum()), level[against] * rng.uniform(0.5, 1.0, against.sum())
    warmth = np.stack([1 + 0.15 * (w := rng.normal(0, 1, count)), np.ones(count), 1 - 0.15 * w], 1).clip(0.5, 1.5)
    colour = (level * strength / (1 + 0.35 * strength))[:, None] * warmth
    ambient = torch.from_numpy(level / (1 + 0.35 * strength)).to(form)
    # Half of an environment's colour: the camera's white balance takes the rest.
    form = torch.lerp(form, form.mean(1, keepdim=True), 0.5) * ambient[:, None, None, None]
    return Light(form, functional.normalize(direction, dim=1), torch.from_numpy(colour).to(form))


def _camera_in_world(rng: np.random.Generator, count: int) -> FloatArray:
    """(N, 3, 3): camera axes to world axes (y up) of cameras that look about level, more often down than up."""
    yaw = rng.uniform(0, 2 * np.pi, count)
    pitch = np.radians(np.clip(rng.normal(-12, 22, count), -85, 50))
    roll = np.radians(rng.normal(0, 6, count))
    level = np.array([[1.0, 0, 0], [0, -1.0, 0], [0, 0, -1.0]])
    return axis_rotation("y", yaw) @ axis_rotation("x", pitch) @ axis_rotation("z", roll) @ level


def sample_skin(rng: np.random.Generator, assets: Assets, count: int) -> Skin:
    """Skin tones between the textures, sometimes a glove, a bare arm or a sleeve."""
    device, shares = assets.albedo.device, assets.skin_shares
    textures = np.tile([0, 1], (count, 1))
    textures[rng.random(count) < shares.flat] = [2, 3]
    # More fair and dark skins than even blends, whose palms and backs differ less than any real hand's.
    blend = rng.beta(0.7, 0.9, count)
    glove = rng.random(count) < shares.glove
    textures[glove] = len(SKIN_TEXTURES) + rng.integers(len(GLOVE_TEXTURES), size=(glove.sum(), 1))
    tint = rng.uniform(0.72, 1.12, (count, 1)) * (1 + rng.normal(0, 0.05, (count, 3)))
    saturation = np.where(glove, rng.uniform(0.3, 1.0, count), rng.uniform(0.5, 0.95, count))
    sleeve = np.where(rng.random(count) < SLEEVE_SHARE, rng.uniform(0.01, 0.13, count), np.inf)
    colour = np.exp(rng.uniform(np.log(0.02), np.log(0.8), (count, 1))) * rng.uniform(0.5, 1.0, (count, 3))

    def tensor(values: FloatArray) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(device)

    return Skin(
        textures=torch.from_numpy(textures.astype(np.int64)).to(device),
        blend=tensor(blend),
        tint=tensor(tint),
        saturation=tensor(saturation),
        gloss=tensor(rng.uniform(0.15, 0.9, count)),
        sleeve_from=tensor(sleeve),
        sleeve_colour=tensor(colour),
    )


def sample_backgrounds(rng: np.random.Generator, assets: Assets, count: int, size: int) -> tuple[Tensor, Tensor]:
    """Turned, mirrored and magnified cuts of the photographs, uint8 (N, S, S, 3), and their gains (N, 3)."""
    device = assets.backgrounds.device
    chosen = assets.backgrounds[torch.from_numpy(rng.integers(len(assets.backgrounds), size=count)).to(device)]
    angle, zoom = rng.normal(0, 0.35, count), rng.uniform(0.3, 0.75, count)
    flip = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    reach = 1 - zoom * (np.abs(np.cos(angle)) + np.abs(np.sin(angle)))
    shift = rng.uniform(-1, 1, (count, 2)) * np.maximum(reach, 0)[:, None]
    affine = np.stack(
        [zoom * np.cos(angle) * flip, -zoom * np.sin(angle), shift[:, 0], zoom * np.sin(angle) * flip, zoom * np.cos(angle), shift[:, 1]], 1
    )
    grid = functional.affine_grid(
        torch.from_numpy(affine.reshape(count, 2, 3).astype(np.float32)).to(device), [count, 3, size, size], align_corners=False
    )
    cut = functional.grid_sample(chosen.permute(0, 3, 1, 2).float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    gain = rng.uniform(0.4, 1.5, (count, 1)) * (1 + rng.normal(0, 0.08, (count, 3)))
    # Wood, cardboard, sand, other people: backgrounds that colour alone does not tell from a hand.
    alike = rng.random(count) < SKIN_COLOURED_SHARE
    gain[alike] *= np.array(SKIN_RATIOS) * rng.uniform(0.9, 1.5, (alike.sum(), 1))
    return cut.permute(0, 2, 3, 1).round().to(torch.uint8), torch.from_numpy(gain.astype(np.float32)).to(device)


def sample_sensor(rng: np.random.Generator, count: int, size: int, device: torch.device | str = "cpu") -> Sensor:
    """Cameras from good to poor; lengths grow with the picture's size, as they would in a crop."""
    scale = size / 224
    motion = np.where(rng.random(count) < 0.28, np.exp(rng.uniform(np.log(1.0), np.log(12.0), count)), 0.0) * scale
    heading = rng.uniform(0, np.pi, count)
    gain = np.exp(rng.normal(0, 0.16, (count, 1))) * _white_balance(rng, count)
    quality = np.where(rng.random(count) < 0.6, rng.uniform(35, 98, count), 100.0)

    def tensor(values: FloatArray) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(device)

    return Sensor(
        gain=tensor(gain),
        blur_px=tensor(np.exp(rng.uniform(np.log(0.25), np.log(1.7), count)) * scale),
        motion_px=tensor(motion[:, None] * np.stack([np.cos(heading), np.sin(heading)], 1)),
        shot_noise=tensor(np.exp(rng.uniform(np.log(0.003), np.log(0.07), count))),
        read_noise=tensor(np.exp(rng.uniform(np.log(0.001), np.log(0.018), count))),
        jpeg_quality=tensor(quality),
    )


def _white_balance(rng: np.random.Generator, count: int) -> FloatArray:
    """(N, 3) gains: from blue to amber by the light's temperature, from green to magenta less; few cameras are far off."""
    off = np.where(rng.random(count) < 0.25, 0.16, 0.05)
    temperature, tint = off * rng.standard_normal(count), 0.4 * off * rng.standard_normal(count)
    return np.exp(np.stack([temperature - tint, tint, -temperature - tint], 1))


def mean_skin_colour(assets: Assets, skin: Skin) -> FloatArray:
    """(N, 3) linear RGB of each hand's skin, sleeves apart."""
    typical = assets.albedo[:, ::8, ::8].flatten(1, 2).median(1).values[skin.textures]
    colour = torch.lerp(typical[:, 0], typical[:, 1], skin.blend[:, None])
    colour = torch.lerp(colour.mean(1, keepdim=True), colour, skin.saturation[:, None])
    return (colour.clamp(min=0) * skin.tint).double().cpu().numpy()
