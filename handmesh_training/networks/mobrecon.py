"""The whole network: patch -> encoder -> 2D pose -> pose pooling -> lifting -> mesh (MobRecon, figure 2)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from handmesh_training.networks.config import NetworkConfig, NetworkConfigError
from handmesh_training.networks.decoder import MeshDecoder
from handmesh_training.networks.heads import LandmarkHead, LandmarkPresenceSideHead, MapRegHead, PresenceSideHead
from handmesh_training.networks.landmarkstack import LandmarkEncoder, load_encoder
from handmesh_training.networks.levels import TemplateLevels
from handmesh_training.networks.lifting import JointSkin, build_pooling, relative_points
from handmesh_training.networks.paper.densestack import build_densestack
from handmesh_training.networks.paper.ghoststack import build_ghoststack
from handmesh_training.networks.paper.heads import DirectHead, HeatmapHead, SoftArgmaxHead
from handmesh_training.networks.paper.resnetstack import build_resnetstack
from handmesh_training.networks.refinement import PoseRefinement
from handmesh_training.networks.stack import EncoderOutput, Pyramid, StackedEncoder


class MobReconOutput(NamedTuple):
    """Estimates for a batch of patches of right hands.

    Attributes:
        vertices: (B, V, 3) metres, relative to the wrist, crop axes.
        joints: (B, 21, 3) metres, likewise, regressed from the vertices.
        keypoints: (B, 21, 2) fractions of the patch.
        heatmaps: (B, 21, S/8, S/8) or None.
        guesses: (B, G, 21, 2) as keypoints, before each round of refinement; of the landmark head, else None.
        points: (B, G + 1, 21, 3) metres, relative to the wrist: joints before the rounds and after each, which the mesh starts from;
            of the landmark head, else None.
        presence_side: (B, 2) logits of "a hand is there" and "the patch as given shows a right hand", or None.
    """

    vertices: Tensor
    joints: Tensor
    keypoints: Tensor
    heatmaps: Tensor | None
    guesses: Tensor | None
    points: Tensor | None
    presence_side: Tensor | None


class MobRecon(nn.Module):
    """A network of the family, see NetworkConfig; input (B, 3, S, S) RGB 0..1, or what the landmark encoder's way down makes of it."""

    def __init__(self, config: NetworkConfig, levels: TemplateLevels) -> None:
        super().__init__()
        self.config = config
        self.levels = levels
        self.encoder = build_encoder(config.encoder)
        if config.head == "direct" and isinstance(self.encoder, StackedEncoder):
            self.encoder.up2 = None
        self.head = build_head(config.head, config.patch_size)
        self.refinement = PoseRefinement(config.patch_size // 8, config.context_channels) if config.head == "landmark" else None
        self.pooling = build_pooling(config.pooling, config.context_channels, config.decoder_channels[0])
        self.decoder = MeshDecoder(config.decoder, levels, config.decoder_channels)
        self.skin = JointSkin(levels.vertex_counts[-1]) if config.head == "landmark" else None
        self.presence_side: nn.Module | None = None
        if config.presence or config.side:
            self.presence_side = LandmarkPresenceSideHead() if config.encoder == "landmark" else PresenceSideHead()
        self.register_buffer("joint_regressor", torch.from_numpy(levels.joint_regressor.copy()), persistent=False)
        self.joint_regressor: Tensor

    def forward(self, image: Tensor | Pyramid) -> MobReconOutput:
        encoded = self.encoder(2 * image - 1 if isinstance(image, Tensor) else image)
        with torch.autocast(encoded.latent.device.type, enabled=False):  # half precision is for pictures: places need more digits
            return self._pose_and_mesh(encoded.as_float())

    def _pose_and_mesh(self, encoded: EncoderOutput) -> MobReconOutput:
        poses = [self.head(encoded)]
        if self.refinement is not None:
            poses = self.refinement(encoded.latent, poses[0])
        pose = poses[-1]
        vertices = self.config.unit_m * self.decoder(self.pooling(encoded.latent, pose))
        if self.skin is not None:
            vertices = vertices + self.skin(pose)
        return MobReconOutput(
            vertices=vertices,
            joints=self.joint_regressor @ vertices,
            keypoints=pose.keypoints,
            heatmaps=pose.heatmaps,
            guesses=torch.stack([earlier.keypoints for earlier in poses[:-1]], dim=1) if len(poses) > 1 else None,
            points=None if pose.spatial is None else torch.stack([relative_points(one) for one in poses], dim=1),
            presence_side=None if self.presence_side is None else self.presence_side(encoded),
        )

    def load_landmark_weights(self, path: str | Path) -> None:
        """Begin with MediaPipe's landmark network, for the encoder 'landmark'; other parts stay as they are.

        Raises:
            LandmarkFileError: no such file, or another network.
        """
        if not isinstance(self.encoder, LandmarkEncoder):
            raise NetworkConfigError(f"the landmark network's weights do not fit the encoder {self.config.encoder!r}")
        load_encoder(self.encoder, path)
        for head in (self.head, self.presence_side):
            if isinstance(head, LandmarkHead | LandmarkPresenceSideHead):
                head.load(path)


def build_encoder(name: str) -> StackedEncoder | LandmarkEncoder:
    """The encoder of a NetworkConfig."""
    if name == "landmark":
        return LandmarkEncoder()
    if name.startswith("resnet"):
        return build_resnetstack(int(name.removeprefix("resnet")))
    return {"dense": build_densestack, "ghost": build_ghoststack}[name]()


def build_head(name: str, patch_size: int) -> nn.Module:
    """The head of a NetworkConfig."""
    if name in ("direct", "landmark"):
        return DirectHead() if name == "direct" else LandmarkHead()
    return {"mapreg": MapRegHead, "heatmap": HeatmapHead, "soft_argmax": SoftArgmaxHead}[name](patch_size // 8)
