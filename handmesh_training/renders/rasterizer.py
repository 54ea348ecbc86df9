"""A batched software rasteriser: triangles of many pictures in, the nearest triangle of every sample out.

It works on flat lists instead of images: triangles become spans (triangle x row), spans become fragments (triangle x sample), and one
scatter-maximum over (inverse depth, triangle) keeps the nearest. The work is proportional to the samples covered, not to bounding
boxes, and every step is an ordinary tensor operation: the same code runs on a CPU and on a GPU, and is deterministic on both.

Coordinates: sample (row r, column c) has its centre at (c + 0.5, r + 0.5); x to the right, y down.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_INDEX_BITS = 32
_INDEX_MASK = (1 << _INDEX_BITS) - 1


@dataclass(frozen=True, eq=False)
class Triangles:
    """Triangles on the picture plane, of all pictures of a batch in one list.

    Attributes:
        corners: (T, 3, 2) float32, position in samples.
        inverse_depth: (T, 3) float32, 1 / distance along the optical axis; larger is nearer, must be positive to be drawn.
        image: (T,) int64, which picture of the batch the triangle belongs to.
        two_sided: (T,) bool: draw it also when seen from behind (its corners then run clockwise on the screen).
    """

    corners: Tensor
    inverse_depth: Tensor
    image: Tensor
    two_sided: Tensor


@dataclass(frozen=True, eq=False)
class Visible:
    """The samples that show a triangle, M of them, in the order of the flattened (picture, row, column).

    Attributes:
        sample: (M,) int64, flat index (picture * height + row) * width + column.
        triangle: (M,) int64, row of the ``Triangles``.
        inverse_depth: (M,) float32.
    """

    sample: Tensor
    triangle: Tensor
    inverse_depth: Tensor

    def rows(self, chosen: Tensor) -> Visible:
        """Some of the samples, by index or mask."""
        return Visible(self.sample[chosen], self.triangle[chosen], self.inverse_depth[chosen])


def rasterize(triangles: Triangles, count: int, height: int, width: int) -> Visible:
    """Finds the nearest triangle of every sample of ``count`` pictures of ``height`` x ``width`` samples.

    Front faces run counter-clockwise as a viewer sees them. Triangles with a corner behind the camera are dropped whole: there is no
    near-plane clipping.
    """
    kept = _facing(triangles, height, width)
    corners, inverse = triangles.corners[kept], triangles.inverse_depth[kept]
    # Double precision for the few numbers of a triangle, so that neighbours agree on their common edge and leave no crack.
    exact_edges = _edges(corners.double())  # (T, 3, 3): a x + b y + c for each corner, 1 at that corner, 0 on the edge opposite

    span_triangle, span_row = _rows(corners, height)
    first, last = _span(exact_edges[span_triangle], span_row + 0.5, width)
    length = (last - first + 1).clamp_(min=0)
    plane = torch.bmm(inverse[:, None], exact_edges.float())[:, 0]  # inverse depth is linear on the screen
    base = (triangles.image[kept][span_triangle] * height + span_row) * width
    row_plane = plane[span_triangle]
    row_offset = row_plane[:, 1] * (span_row + 0.5) + row_plane[:, 2]

    fragment_span, step = _expand(length)
    column = first[fragment_span] + step
    depth = (row_plane[:, 0][fragment_span] * (column + 0.5) + row_offset[fragment_span]).clamp_(min=1e-6)
    # Positive floats order like their bit patterns, so one integer maximum compares depth first and breaks ties by triangle.
    key = (depth.view(torch.int32).to(torch.int64) << _INDEX_BITS) | span_triangle[fragment_span]
    nearest = torch.zeros(count * height * width, dtype=torch.int64, device=corners.device)
    nearest.scatter_reduce_(0, base[fragment_span] + column, key, "amax")

    sample = nearest.nonzero().squeeze(1)
    winner = nearest[sample]
    inverse_depth = (winner >> _INDEX_BITS).to(torch.int32).view(torch.float32)
    return Visible(sample, kept[winner & _INDEX_MASK], inverse_depth)


def barycentric_weights(triangles: Triangles, visible: Visible, height: int, width: int) -> Tensor:
    """Perspective-correct weights (M, 3) of the triangles' corners at the visible samples; they sum to 1."""
    corners = triangles.corners[visible.triangle]
    x = corners[:, :, 0] - ((visible.sample % width) + 0.5)[:, None]
    y = corners[:, :, 1] - ((visible.sample // width) % height + 0.5)[:, None]
    areas = torch.stack(
        (x[:, 1] * y[:, 2] - x[:, 2] * y[:, 1], x[:, 2] * y[:, 0] - x[:, 0] * y[:, 2], x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]), 1
    )
    flat = (areas / areas.sum(1, keepdim=True)).clamp_(min=0)
    weights = flat * triangles.inverse_depth[visible.triangle]
    return weights / weights.sum(1, keepdim=True)


def _facing(triangles: Triangles, height: int, width: int) -> Tensor:
    """Rows of the triangles that can cover a sample: not behind, not backwards, not outside, not degenerate."""
    a, b, c = triangles.corners.unbind(1)
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    # y points down, so counter-clockwise as seen means a negative area.
    seen = (area < -1e-9) | (triangles.two_sided & (area > 1e-9))
    low, high = triangles.corners.amin(1), triangles.corners.amax(1)
    inside = (high[:, 0] > 0) & (high[:, 1] > 0) & (low[:, 0] < width) & (low[:, 1] < height)
    return (seen & inside & (triangles.inverse_depth > 0).all(1)).nonzero().squeeze(1)


def _edges(corners: Tensor) -> Tensor:
    """Barycentric functions (T, 3, 3) of the screen position: rows (a, b, c) of a x + b y + c."""
    x, y = corners.unbind(2)
    x1, x2 = x.roll(-1, 1), x.roll(-2, 1)
    y1, y2 = y.roll(-1, 1), y.roll(-2, 1)
    functions = torch.stack((y1 - y2, x2 - x1, x1 * y2 - x2 * y1), 2)
    area = functions[:, :, 2].sum(1)
    return functions / area[:, None, None]


def _rows(corners: Tensor, height: int) -> tuple[Tensor, Tensor]:
    """All (triangle, row) pairs whose row of sample centres crosses the triangle."""
    y = corners[:, :, 1]
    first = (y.amin(1) - 0.5).ceil().clamp(0, height)
    last = (y.amax(1) - 0.5).floor().clamp(-1, height - 1)
    triangle, step = _expand((last - first + 1).clamp(min=0).to(torch.int64))
    return triangle, first.to(torch.int64)[triangle] + step


def _span(edges: Tensor, y: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """First and last column of the samples inside three half-planes on the row ``y``; empty where last < first."""
    slope = edges[:, :, 0]
    rest = edges[:, :, 1] * y[:, None] + edges[:, :, 2]
    crossing = -rest / slope  # infinite on horizontal edges: -inf or +inf, which the limits below read correctly
    infinity = float("inf")
    rising, level = slope > 0, slope == 0
    low = torch.where(rising, crossing, -infinity).amax(1)
    high = torch.where(rising | level, infinity, crossing).amin(1)
    high = torch.where((level & (rest < 0)).any(1), -infinity, high)
    first = (low - 0.5).ceil().clamp(0, width)
    last = (high - 0.5).floor().clamp(-1, width - 1)
    return first.to(torch.int64), last.to(torch.int64)


def _expand(length: Tensor) -> tuple[Tensor, Tensor]:
    """For lengths (2, 0, 3): owners (0, 0, 2, 2, 2) and steps (0, 1, 0, 1, 2)."""
    owner = torch.repeat_interleave(length)
    start = length.cumsum(0) - length
    step = torch.arange(owner.shape[0], device=length.device) - start[owner]
    return owner, step
