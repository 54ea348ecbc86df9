"""The paper's losses (section 3.4) for what each patch's labels are good for, and a projection loss for pictures without a mesh.

Lengths are divided by the template's size (wrist to middle mcp), keypoints are in sides of the patch: all terms are about 0.01 to 0.1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handmesh_training.networks import MobReconOutput
from handmesh_training.trainer.batches import Labelled
from handmesh_training.trainer.biomechanics import biomechanical_excess
from handmesh_training.trainer.config import Losses

HEATMAP_SPREAD = 1.0  # of the target heatmaps, cells


class TrainingLoss(nn.Module):
    """Terms by name and their weighted sum.

    Args:
        weights: of the terms.
        faces: (F, 3); joint_regressor: (21, V); mean_bones: (20,) lengths of the mean hand; size_m: the template's reference size.
    """

    def __init__(self, weights: Losses, faces: Tensor, joint_regressor: Tensor, mean_bones: Tensor, size_m: float) -> None:
        super().__init__()
        self.weights, self.size_m = weights, size_m
        self.register_buffer("faces", faces)
        self.register_buffer("joint_regressor", joint_regressor)
        self.register_buffer("mean_bones", mean_bones)
        self.faces: Tensor
        self.joint_regressor: Tensor
        self.mean_bones: Tensor

    def forward(self, output: MobReconOutput, labels: Labelled, held: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss to minimise, and its unweighted terms. ``held`` (B, 2): logits that presence and side must keep, instead of labels."""
        terms = self._mesh(output, labels) | self._joints(output, labels) | self._picture(output, labels) | self._pairs(output, labels)
        if output.presence_side is not None and held is not None:
            terms["presence"] = nn.functional.binary_cross_entropy_with_logits(output.presence_side, held.sigmoid())
        elif output.presence_side is not None:
            score, side = output.presence_side.unbind(1)
            each = nn.functional.binary_cross_entropy_with_logits(score, labels.presence, reduction="none")
            # By their numbers, most patches show a hand: an unsure network would say that there is one. So each kind has its own mean.
            worse = self.weights.false_hand
            terms["presence"] = (_mean(each, labels.presence) + worse * _mean(each, 1 - labels.presence)) / (1 + worse)
            known = torch.isfinite(labels.right)
            each = nn.functional.binary_cross_entropy_with_logits(side, labels.right.nan_to_num(), reduction="none")
            terms["side"] = _mean(each, known.float())
        total = sum((getattr(self.weights, name) * term for name, term in terms.items()), torch.zeros((), device=labels.presence.device))
        return total, terms

    def _mesh(self, output: MobReconOutput, labels: Labelled) -> dict[str, Tensor]:
        trust = labels.mesh_weights
        vertices, target = output.vertices / self.size_m, labels.vertices / self.size_m
        edges, target_edges = _edges(vertices, self.faces), _edges(target, self.faces)
        normals = nn.functional.normalize(torch.linalg.cross(target_edges[:, 0], target_edges[:, 1]), dim=-1)
        lengths, target_lengths = edges.norm(dim=-1), target_edges.norm(dim=-1)
        # The paper's normal loss: edges have no part along the true normal; by the true length, so that small faces do not explode.
        along = (edges * normals[:, None]).sum(-1).abs() / target_lengths.clamp(min=1e-3)
        return {
            "vertices": _mean((vertices - target).abs().mean((1, 2)), trust),
            "normals": _mean(along.mean((1, 2)), trust),
            "edges": _mean((lengths - target_lengths).abs().mean((1, 2)), trust),
        }

    def _joints(self, output: MobReconOutput, labels: Labelled) -> dict[str, Tensor]:
        """Joints of the mesh, and the points in space that it starts from, each axis of each joint as far as its label is trusted."""
        trust = labels.joint_weights[..., (0, 0, 1)]
        target = labels.joints / self.size_m
        terms = {"joints": _mean((output.joints / self.size_m - target).abs(), trust)}
        if output.points is not None:
            terms["points"] = _mean((output.points / self.size_m - target[:, None]).abs().mean(1), trust)
        if self.weights.biomechanics:
            hands = labels.presence * ~labels.mirrored
            terms["biomechanics"] = _mean(biomechanical_excess(output.joints / self.size_m, self.mean_bones), hands)
        return terms

    def _picture(self, output: MobReconOutput, labels: Labelled) -> dict[str, Tensor]:
        trust = labels.keypoint_weights
        terms = {"keypoints": _mean((output.keypoints - labels.keypoints).abs().mean((1, 2)), trust)}
        if output.guesses is not None:
            terms["guesses"] = _mean((output.guesses - labels.keypoints[:, None]).abs().mean((1, 2, 3)), trust)
        fitted = _scaled_orthographic(output.joints[..., :2], labels.keypoints)
        terms["projection"] = _mean((fitted - labels.keypoints).abs().mean((1, 2)), trust * ~labels.mirrored)
        if output.heatmaps is not None and self.weights.heatmaps:
            size = output.heatmaps.shape[-1]
            target = _heatmaps(labels.keypoints, size)
            entropy = -(target * output.heatmaps.flatten(2).clamp(min=1e-8).log()).sum(2)
            seen = (labels.keypoints > 0).all(2) & (labels.keypoints < 1).all(2)
            terms["heatmaps"] = _mean((entropy * seen).mean(1), trust)
        return terms

    def _pairs(self, output: MobReconOutput, labels: Labelled) -> dict[str, Tensor]:
        """Two looks at one picture must agree once both are turned back into its axes (paper: con3D and con2D)."""
        first = torch.nonzero(labels.pair > torch.arange(len(labels.pair), device=labels.pair.device)).flatten()
        if not len(first):
            return {}
        second = labels.pair[first]
        joints = torch.cat((output.joints[..., :2] @ labels.axes.transpose(1, 2), output.joints[..., 2:]), 2) / self.size_m
        pixels = (output.keypoints - 0.5) @ labels.axes.transpose(1, 2) * labels.sizes[:, None, None] + labels.centers[:, None]
        scale = (labels.sizes[first] * labels.sizes[second]).sqrt()[:, None, None]
        apart = (joints[first] - joints[second]).abs().mean((1, 2)) * ~labels.mirrored[first]
        return {"consistency": apart.mean() + ((pixels[first] - pixels[second]) / scale).abs().mean()}


def _mean(values: Tensor, trust: Tensor) -> Tensor:
    """Mean over the patches that have such a label."""
    return (values * trust).sum() / trust.sum().clamp(min=1.0)


def _edges(vertices: Tensor, faces: Tensor) -> Tensor:
    """(B, 3, F, 3): the three edges of every face."""
    corners = vertices[:, faces.T]
    return corners.roll(-1, dims=1) - corners


def _scaled_orthographic(points: Tensor, target: Tensor) -> Tensor:
    """Points (B, 21, 2) scaled and moved onto the target by least squares: how a far camera shows them."""
    centred, wanted = points - points.mean(1, keepdim=True), target - target.mean(1, keepdim=True)
    scale = (centred * wanted).sum((1, 2), keepdim=True) / (centred**2).sum((1, 2), keepdim=True).clamp(min=1e-8)
    return scale.clamp(min=0) * centred + target.mean(1, keepdim=True)


def _heatmaps(keypoints: Tensor, size: int) -> Tensor:
    """(B, 21, size * size): a Gaussian around every keypoint, sums of 1."""
    centre = (torch.arange(size, device=keypoints.device) + 0.5) / size
    x, y = (torch.exp(-0.5 * ((centre - keypoints[..., k : k + 1]) * size / HEATMAP_SPREAD) ** 2) for k in (0, 1))
    maps = (y[..., :, None] * x[..., None, :]).flatten(2)
    return maps / maps.sum(2, keepdim=True).clamp(min=1e-8)
