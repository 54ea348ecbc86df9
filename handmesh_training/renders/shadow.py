"""Shadows of the hand and of what is beside it: hand and things as the light sees them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from handmesh_training.renders.rasterizer import Triangles, rasterize
from handmesh_training.renders.scene import Occluders
from handmesh_training.renders.surface import HandSurface

MAP_SIZE = 128
HALF_EXTENT_M = 0.16
BIAS_M = 0.003


@dataclass(frozen=True, eq=False)
class ShadowMap:
    """Parallel projections along the light, one a picture.

    Attributes:
        frame: (N, 3, 3) rows: right, down and towards the light; centre: (N, 3) of the map.
        nearest: (N, MAP_SIZE, MAP_SIZE) height towards the light of the first surface, metres from the centre; -1 where there is none.
    """

    frame: Tensor
    centre: Tensor
    nearest: Tensor

    @classmethod
    def cast(cls, direction: Tensor, vertices: Tensor, surface: HandSurface, things: Occluders | None = None) -> ShadowMap:
        """Draws the hand (N, V, 3) and the things from the light; direction (N, 3) points to the light."""
        count = vertices.shape[0]
        frame, centre = light_frame(direction, vertices, surface)
        local = torch.bmm(vertices - centre[:, None], frame.transpose(1, 2))
        screen = (local[..., :2] / HALF_EXTENT_M + 1) * (MAP_SIZE / 2)
        faces = surface.faces
        corners, height = screen[:, faces].flatten(0, 1), local[..., 2][:, faces].flatten(0, 1)
        image = torch.arange(count, device=vertices.device).repeat_interleave(faces.shape[0])
        two_sided = surface.loose.repeat(count)
        if things is not None:
            local = torch.bmm(things.vertices - centre[things.image, None], frame[things.image].transpose(1, 2))
            corners = torch.cat((corners, (local[..., :2] / HALF_EXTENT_M + 1) * (MAP_SIZE / 2)))
            height, image = torch.cat((height, local[..., 2])), torch.cat((image, things.image))
            two_sided = torch.cat((two_sided, things.two_sided))
        # A parallel projection: what the rasteriser calls inverse depth may be any positive height linear on the screen.
        triangles = Triangles(corners, 1 + height, image, two_sided)
        visible = rasterize(triangles, count, MAP_SIZE, MAP_SIZE)
        nearest = torch.full((count * MAP_SIZE * MAP_SIZE,), -1.0, device=vertices.device)
        nearest[visible.sample] = visible.inverse_depth - 1
        return cls(frame, centre, nearest.view(count, MAP_SIZE, MAP_SIZE))

    def lit(self, positions: Tensor, image: Tensor) -> Tensor:
        """Share (M,) of light that reaches positions (M, 3) of pictures (M,): the mean of four neighbouring comparisons."""
        local = torch.bmm((positions - self.centre[image])[:, None], self.frame.transpose(1, 2)[image])[:, 0]
        place = (local[:, :2] / HALF_EXTENT_M + 1) * (MAP_SIZE / 2) - 0.5
        outside = ((place < 0) | (place > MAP_SIZE - 1.001)).any(1)
        place = place.clamp(0, MAP_SIZE - 1.001)
        corner = place.long()
        fraction = place - corner
        flat = self.nearest.view(-1)
        base = (image * MAP_SIZE + corner[:, 1]) * MAP_SIZE + corner[:, 0]
        height = local[:, 2] + BIAS_M
        n00, n01, n10, n11 = ((flat[base + offset] < height).to(height.dtype) for offset in (0, 1, MAP_SIZE, MAP_SIZE + 1))
        fx, fy = fraction.unbind(1)
        return torch.lerp(torch.lerp(n00, n01, fx), torch.lerp(n10, n11, fx), fy).masked_fill_(outside, 1.0)


def light_frame(direction: Tensor, vertices: Tensor, surface: HandSurface) -> tuple[Tensor, Tensor]:
    """Axes (N, 3, 3; rows: right, down, towards the light) and middle (N, 3) of the maps of hands (N, V, 3)."""
    helper = torch.zeros_like(direction)
    helper.scatter_(1, direction.abs().argmin(1, keepdim=True), 1.0)
    right = functional.normalize(torch.linalg.cross(helper, direction), dim=1)
    # right x down = away from the light, as in the camera's frame: so front faces stay front faces.
    down = torch.linalg.cross(-direction, right)
    frame = torch.stack((right, down, direction), 1)
    return frame, vertices[:, surface.forearm < 0].mean(1)
