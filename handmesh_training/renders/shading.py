"""Draws a scene: visibility, skin colour, light with shadows, and the mean over the samples of each pixel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from handmesh_training.renders.assets import Assets, srgb_to_linear
from handmesh_training.renders.rasterizer import Triangles, Visible, barycentric_weights, rasterize
from handmesh_training.renders.scene import Light, Scene, Skin
from handmesh_training.renders.shadow import ShadowMap
from handmesh_training.renders.surface import HandSurface, ambient_occlusion

# Light that scatters in skin softens the edge of the shade, red farthest: how far it reaches round, as a share of the cosine.
SCATTER = (0.35, 0.15, 0.10)
HIGHLIGHT_EXPONENT = 22.0
FRESNEL = 0.04
SLEEVE_THICKNESS_M = 0.008
NEAR_M = 0.05
SMOOTH_STEP = 0.01  # relative depth within a pixel that still counts as one surface


@dataclass(frozen=True, eq=False)
class Picture:
    """What was drawn.

    Attributes:
        radiance: (N, H, W, 3) float32, linear RGB, not clipped.
        hand: (N, H, W) float32, share of the pixel covered by hand and forearm; occluder: (N, H, W), by other things.
    """

    radiance: Tensor
    hand: Tensor
    occluder: Tensor


# A back end: draws a scene with so many samples a pixel in each direction.
Draw = Callable[[Scene, HandSurface, Assets, int], Picture]


def draw(scene: Scene, surface: HandSurface, assets: Assets, samples: int = 2) -> Picture:
    """Renders a batch with ``samples`` x ``samples`` samples a pixel."""
    count, height, width = scene.background.shape[:3]
    rows, columns = height * samples, width * samples
    vertices, normals, ambient = lit_vertices(scene, surface)
    triangles = _triangles(scene, surface, vertices, samples)
    visible = rasterize(triangles, count, rows, columns)
    hand_triangles = count * surface.faces.shape[0]
    pixel = _pixel_of(visible.sample, samples, width)
    visible, pixel, share = _merge_smooth(visible, pixel, count * height * width, samples, hand_triangles)

    weights = barycentric_weights(triangles, visible, rows, columns)
    y, x = (visible.sample // columns) % rows, visible.sample % columns
    rays = _rays(scene.projection, pixel // (height * width), (x + 0.5) / samples, (y + 0.5) / samples)
    is_hand = visible.triangle < hand_triangles
    hand, others = is_hand.nonzero().squeeze(1), (~is_hand).nonzero().squeeze(1)
    colour = torch.empty(is_hand.shape[0], 3, device=vertices.device)
    lit = (vertices, normals, ambient)
    shadows = ShadowMap.cast(scene.light.direction, vertices, surface, scene.occluders)
    colour[hand] = _shade_hand(scene, surface, assets, lit, shadows, visible.rows(hand), weights[hand], rays[hand])
    if scene.occluders is not None:
        seen = visible.rows(others)
        position = rays[others] / seen.inverse_depth[:, None]
        colour[others] = _shade_occluders(scene, shadows, seen.triangle - hand_triangles, weights[others], position)

    kind = is_hand.to(colour.dtype)[:, None]
    sums = torch.zeros(count * height * width, 5, device=vertices.device)
    sums.index_add_(0, pixel, torch.cat((colour, kind, 1 - kind), 1) * share[:, None])
    sums = sums.view(count, height, width, 5)
    return compose(scene, sums)


def compose(scene: Scene, sums: Tensor) -> Picture:
    """Puts the background behind sums (N, H, W, 5): radiance, share of the pixel that is hand, share that is other things."""
    covered = sums[..., 3:].sum(-1, keepdim=True)
    behind = _SRGB_TABLE.to(sums.device)[scene.background.long()] * scene.background_gain[:, None, None]
    return Picture(sums[..., :3] + (1 - covered) * behind, sums[..., 3], sums[..., 4])


def _pixel_of(sample: Tensor, samples: int, width: int) -> Tensor:
    line, column = sample // (width * samples), sample % (width * samples)
    # Pictures lie one below the other and their heights are whole pixels: lines need no splitting by picture.
    return (line // samples) * width + column // samples


def _merge_smooth(visible: Visible, pixel: Tensor, pixel_count: int, samples: int, hand_triangles: int) -> tuple[Visible, Tensor, Tensor]:
    """Leaves one sample of each pixel that the hand, or other things, fill without a step in depth: only edges need every sample
    shaded.

    Returns:
        the samples left, their pixels, and each one's share of its pixel.
    """
    full = samples * samples
    device = pixel.device
    near = torch.zeros(pixel_count, device=device).scatter_reduce_(0, pixel, visible.inverse_depth, "amax")
    far = torch.full((pixel_count,), 1e9, device=device).scatter_reduce_(0, pixel, visible.inverse_depth, "amin")
    is_hand = visible.triangle < hand_triangles
    kinds = torch.zeros(pixel_count, dtype=torch.int32, device=device)
    kinds.index_add_(0, pixel, torch.where(is_hand, 1, full + 1).to(torch.int32))
    filled = (kinds == full) | (kinds == full * (full + 1))
    smooth = (filled & (near < (1 + SMOOTH_STEP) * far))[pixel]
    first = torch.full((pixel_count,), visible.sample.shape[0], dtype=torch.int64, device=device)
    order = torch.arange(visible.sample.shape[0], device=device)
    first.scatter_reduce_(0, pixel, order, "amin")
    kept = (~smooth | (first[pixel] == order)).nonzero().squeeze(1)
    share = torch.where(smooth[kept], 1.0, 1.0 / full)
    return visible.rows(kept), pixel[kept], share


_SRGB_TABLE = srgb_to_linear(torch.arange(256) / 255.0)


def irradiance(light: Light, normals: Tensor) -> Tensor:
    """(N, V, 3): irradiance / pi on surfaces with ``normals`` (N, V, 3)."""
    return torch.bmm(_light_basis(normals), _light_terms(light)).clamp_(min=0.0)


def _light_basis(normals: Tensor) -> Tensor:
    x, y, z = normals.unbind(-1)
    return torch.stack((x * x, y * y, z * z, x * y, x * z, y * z, x, y, z, torch.ones_like(x)), -1)


def _light_terms(light: Light) -> Tensor:
    """(N, 10, 3): the quadratic forms' coefficients of ``_light_basis``."""
    form = light.irradiance
    pairs = [form[..., i, j] for i, j in ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))]
    return torch.stack([form[..., 0, 0], form[..., 1, 1], form[..., 2, 2], *(2 * p for p in pairs), form[..., 3, 3]], 1)


def lit_vertices(scene: Scene, surface: HandSurface) -> tuple[Tensor, Tensor, Tensor]:
    """Vertices with the sleeve put on, their normals, and the light from all round that falls on each."""
    normals = surface.normals(scene.vertices)
    sleeved = surface.forearm[None, :, None] > scene.skin.sleeve_from[:, None, None]
    vertices = torch.where(sleeved, scene.vertices + SLEEVE_THICKNESS_M * normals, scene.vertices)
    occlusion = ambient_occlusion(vertices, normals, scene.joints)
    return vertices, normals, irradiance(scene.light, normals) * occlusion[:, :, None]


def _triangles(scene: Scene, surface: HandSurface, vertices: Tensor, samples: int) -> Triangles:
    count, faces = vertices.shape[0], surface.faces
    projected = torch.bmm(vertices, scene.projection.transpose(1, 2))
    inverse = torch.where(projected[..., 2] > NEAR_M, 1.0 / projected[..., 2], 0.0)
    screen = projected[..., :2] * inverse[..., None] * samples
    corners, depth = screen[:, faces].flatten(0, 1), inverse[:, faces].flatten(0, 1)
    image = torch.arange(count, device=vertices.device).repeat_interleave(faces.shape[0])
    two_sided = surface.loose.repeat(count)
    things = scene.occluders
    if things is not None:
        projected = torch.bmm(things.vertices, scene.projection.transpose(1, 2)[things.image])
        inverse = torch.where(projected[..., 2] > NEAR_M, 1.0 / projected[..., 2], 0.0)
        corners = torch.cat((corners, projected[..., :2] * inverse[..., None] * samples))
        depth = torch.cat((depth, inverse))
        image = torch.cat((image, things.image))
        two_sided = torch.cat((two_sided, things.two_sided))
    return Triangles(corners, depth, image, two_sided)


def _rays(projection: Tensor, image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(M, 3) directions with z = 1 that meet the pixels (x, y)."""
    inverse = torch.linalg.inv(projection)[image]
    rays = inverse[:, :, 0] * x[:, None] + inverse[:, :, 1] * y[:, None] + inverse[:, :, 2]
    return rays / rays[:, 2:]


def _shade_hand(
    scene: Scene,
    surface: HandSurface,
    assets: Assets,
    lit_vertices: tuple[Tensor, Tensor, Tensor],
    shadows: ShadowMap,
    visible: Visible,
    weights: Tensor,
    rays: Tensor,
) -> Tensor:
    """Radiance (M, 3) of samples of the hand."""
    vertices, normals, ambient = lit_vertices
    vertex_count, face_count = vertices.shape[1], surface.faces.shape[0]
    image, face = visible.triangle // face_count, visible.triangle % face_count
    corners = surface.faces[face]
    per_vertex = torch.cat((normals, ambient), 2).view(-1, 6)
    posed = _mix(per_vertex, corners + (image * vertex_count)[:, None], weights)
    fixed = _mix(torch.cat((surface.uv, surface.forearm[:, None]), 1), corners, weights)

    normal = posed[:, :3]
    relief = _texture_at(assets.normal_map[None], torch.zeros_like(image), fixed[:, :2])
    along_u, along_v = (tangent.reshape(-1, 3)[visible.triangle] for tangent in surface.tangents(vertices))
    sleeve = fixed[:, 2] > scene.skin.sleeve_from[image]
    relief = relief * (~sleeve)[:, None]
    normal = functional.normalize(normal + relief[:, :1] * along_u + relief[:, 1:] * along_v, dim=1)
    # The open forearm shows its inside: lit as if from its outside.
    normal = torch.where((normal * rays).sum(1, keepdim=True) > 0.3, -normal, normal)

    position = rays / visible.inverse_depth[:, None]
    lit = shadows.lit(position + 0.002 * normal, image)
    towards, strength = scene.light.direction[image], scene.light.colour[image] * lit[:, None]
    cosine = (normal * towards).sum(1, keepdim=True)
    scatter = torch.tensor(SCATTER, device=normal.device) * (~sleeve)[:, None]
    diffuse = posed[:, 3:] + strength * ((cosine + scatter) / (1 + scatter)).clamp_(min=0)

    view = -functional.normalize(rays, dim=1)
    half = functional.normalize(towards + view, dim=1)
    facing = (normal * view).sum(1, keepdim=True).clamp_(0, 1)
    peak = (normal * half).sum(1, keepdim=True).clamp_(min=0) ** HIGHLIGHT_EXPONENT
    rim = FRESNEL + (1 - FRESNEL) * (1 - facing) ** 5
    shine = peak * strength * 0.25 * (cosine > 0) + rim * posed[:, 3:] * 0.4
    gloss = scene.skin.gloss[image][:, None] * (~sleeve)[:, None]
    return skin_colour(scene.skin, assets, image, fixed[:, :2], sleeve) * diffuse + gloss * shine


def skin_colour(skin: Skin, assets: Assets, image: Tensor, uv: Tensor, sleeve: Tensor) -> Tensor:
    """(M, 3) linear RGB of skin, or of the sleeve, of pictures (M,) at places (M, 2) of the texture."""
    first = _texture_at(assets.albedo, skin.textures[image, 0], uv)
    second = _texture_at(assets.albedo, skin.textures[image, 1], uv)
    colour = torch.lerp(first, second, skin.blend[image][:, None])
    grey = colour.mean(1, keepdim=True)
    colour = torch.lerp(grey, colour, skin.saturation[image][:, None]).clamp_(min=0) * skin.tint[image]
    return torch.where(sleeve[:, None], skin.sleeve_colour[image], colour)


def _shade_occluders(scene: Scene, shadows: ShadowMap, triangle: Tensor, weights: Tensor, position: Tensor) -> Tensor:
    """Radiance (M, 3) of dull things at positions (M, 3) of triangles (M,)."""
    things = scene.occluders
    assert things is not None
    image = things.image[triangle]
    corners = torch.cat((things.normals, things.colour), 2)[triangle]
    normal, colour = torch.bmm(weights[:, None], corners)[:, 0].split(3, 1)
    normal = functional.normalize(normal, dim=1)
    normal = torch.where((normal * position).sum(1, keepdim=True) > 0.3 * position[:, 2:], -normal, normal)
    ambient = torch.bmm(_light_basis(normal)[:, None], _light_terms(scene.light)[image])[:, 0].clamp_(min=0)
    cosine = (normal * scene.light.direction[image]).sum(1, keepdim=True).clamp_(min=0)
    lit = shadows.lit(position + 0.002 * normal, image)[:, None]
    return colour * (ambient + scene.light.colour[image] * cosine * lit)


def _mix(values: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """Interpolates (R, K) values at the (M, 3) rows of the triangles' corners."""
    mixed = values[rows[:, 0]] * weights[:, :1]
    for corner in (1, 2):
        mixed += values[rows[:, corner]] * weights[:, corner : corner + 1]
    return mixed


def _texture_at(textures: Tensor, index: Tensor, uv: Tensor) -> Tensor:
    """Bilinear look-up in (T, H, W, K) textures at (M, 2) places, origin top left."""
    _, height, width, channels = textures.shape
    x = (uv[:, 0] * width - 0.5).clamp_(0, width - 1.001)
    y = (uv[:, 1] * height - 0.5).clamp_(0, height - 1.001)
    left, top = x.to(torch.int64), y.to(torch.int64)
    fx, fy = (x - left)[:, None], (y - top)[:, None]
    flat = textures.reshape(-1, channels)
    base = (index * height + top) * width + left
    upper = torch.lerp(flat[base], flat[base + 1], fx)
    lower = torch.lerp(flat[base + width], flat[base + width + 1], fx)
    return torch.lerp(upper, lower, fy)
