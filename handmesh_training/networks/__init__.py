"""The MobRecon networks (Chen et al., CVPR 2022) in torch: encoders, 2D heads, lifting, mesh decoders, and their counts."""

from handmesh_training.networks.config import NetworkConfig, NetworkConfigError
from handmesh_training.networks.count import Count, count_parts
from handmesh_training.networks.levels import TemplateLevels
from handmesh_training.networks.mobrecon import MobRecon, MobReconOutput, build_encoder

__all__ = [
    "Count",
    "MobRecon",
    "MobReconOutput",
    "NetworkConfig",
    "NetworkConfigError",
    "TemplateLevels",
    "build_encoder",
    "count_parts",
]
