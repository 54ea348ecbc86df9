"""What one batch of pictures shows. Shading reads these descriptions; sampling writes them.

Everything is given in the camera's optical frame (x right, y down, z forward), metres, linear RGB.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Light:
    """Light from all round and one directed light.

    Attributes:
        irradiance: (N, 3, 4, 4) quadratic forms of the normal (x, y, z, 1) for red, green and blue: irradiance / pi.
        direction: (N, 3) unit, from the scene towards the light.
        colour: (N, 3) radiance that a white surface facing the light sends out, casts shadows.
    """

    irradiance: Tensor
    direction: Tensor
    colour: Tensor


@dataclass(frozen=True, eq=False)
class Skin:
    """Colour of hand and arm.

    Attributes:
        textures: (N, 2) int64, rows of ``Assets.albedo`` that are mixed; blend: (N,) weight of the second.
        tint: (N, 3) factor; saturation: (N,) 0 is grey, 1 the texture's own.
        gloss: (N,) strength of the highlights, 0..1.
        sleeve_from: (N,) metres beyond the wrist where a sleeve begins, inf for a bare arm; sleeve_colour: (N, 3).
    """

    textures: Tensor
    blend: Tensor
    tint: Tensor
    saturation: Tensor
    gloss: Tensor
    sleeve_from: Tensor
    sleeve_colour: Tensor


@dataclass(frozen=True, eq=False)
class Occluders:
    """Things held, in front or behind, other hands: plain triangles of all pictures in one list.

    Attributes:
        vertices: (T, 3, 3) corners, counter-clockwise seen from outside; normals: (T, 3, 3), one a corner.
        image: (T,) int64, picture of the batch; colour: (T, 3, 3), linear RGB of each corner.
        two_sided: (T,) bool, drawn also when seen from behind.
    """

    vertices: Tensor
    normals: Tensor
    image: Tensor
    colour: Tensor
    two_sided: Tensor


@dataclass(frozen=True, eq=False)
class Scene:
    """A batch of N pictures of S x S pixels.

    Attributes:
        vertices: (N, V, 3) posed surface of the hand; joints: (N, 21, 3).
        projection: (N, 3, 3): camera frame to pixels of the picture, homogeneous (K, or a crop's affine map times K).
        light, skin, occluders: see there; occluders may be None.
        background: (N, H, W, 3) uint8 sRGB, H x W the picture's size; background_gain: (N, 3) factor in linear light.
    """

    vertices: Tensor
    joints: Tensor
    projection: Tensor
    light: Light
    skin: Skin
    background: Tensor
    background_gain: Tensor
    occluders: Occluders | None = None
