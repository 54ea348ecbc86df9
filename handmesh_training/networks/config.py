"""Which parts a network is made of: a small frozen record, readable from YAML."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from handmesh_ros.errors import HandmeshError, reading
from handmesh_ros.yaml_files import read_yaml

ENCODERS = ("dense", "ghost", "resnet18", "resnet50", "landmark")
HEADS = ("mapreg", "heatmap", "soft_argmax", "direct", "landmark")
POOLINGS = ("grid", "heatmap", "landmark")
DECODERS = ("dsconv", "spiral", "spiral_lstm")


class NetworkConfigError(HandmeshError, ValueError):
    """A network description names an unknown part or joins parts that do not fit."""


@dataclass(frozen=True)
class NetworkConfig:
    """A network of the MobRecon family.

    Attributes:
        encoder: stacked encoder: dense, ghost, resnet18 or resnet50; or landmark, that of MediaPipe's landmark network.
        head: 2D pose: mapreg, heatmap, soft_argmax or direct; or landmark, which belongs to the encoder of that name.
        pooling: pose pooling: grid (at a position), heatmap (joint-wise weights) or landmark (heatmaps on the landmark encoder's fine map).
        decoder: mesh decoder: dsconv, spiral (SpiralConv++) or spiral_lstm.
        presence: has the extra output ``score``: probability that a hand is there.
        side: has the extra output ``side``: probability that the patch as given shows a right hand.
        context_channels: what refinement keeps of the whole hand between its rounds; 0: it only looks.
        decoder_channels: features of the lifted vertices, then of each finer level.
        unit_m: metres of one unit of the decoder's numbers.
        patch_size: side of the input, pixels.
    """

    encoder: str = "dense"
    head: str = "mapreg"
    pooling: str = "grid"
    decoder: str = "dsconv"
    presence: bool = False
    side: bool = False
    context_channels: int = 512
    decoder_channels: tuple[int, ...] = (256, 256, 128, 64, 32)
    unit_m: float = 0.2
    patch_size: int = 128

    def __post_init__(self) -> None:
        for field, known in (("encoder", ENCODERS), ("head", HEADS), ("pooling", POOLINGS), ("decoder", DECODERS)):
            if getattr(self, field) not in known:
                raise NetworkConfigError(f"{field} is {getattr(self, field)!r}, expected one of {', '.join(known)}")
        if self.pooling == "heatmap" and self.head not in ("heatmap", "soft_argmax"):
            raise NetworkConfigError(f"pooling 'heatmap' needs a head that makes heatmaps, {self.head!r} makes none")
        parts = (self.encoder, self.head, self.pooling)
        if "landmark" in parts and set(parts) != {"landmark"}:
            raise NetworkConfigError(f"encoder, head and pooling 'landmark' belong together, not with {', '.join(map(repr, parts))}")
        if self.patch_size <= 0 or self.patch_size % 32:
            raise NetworkConfigError(f"patch_size is {self.patch_size}, expected a multiple of 32 (five halvings)")
        if self.context_channels < 0:
            raise NetworkConfigError(f"context_channels is {self.context_channels}, expected 0 or more")
        if len(self.decoder_channels) < 2 or min(self.decoder_channels) <= 0 or self.unit_m <= 0:
            raise NetworkConfigError("decoder_channels needs two positive numbers at least, and unit_m must be positive")

    @classmethod
    def from_dict(cls, values: dict[str, object]) -> NetworkConfig:
        """Build from plain values.

        Raises:
            NetworkConfigError: unknown keys or parts.
        """
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise NetworkConfigError(f"unknown keys {unknown}, known are {[field.name for field in fields(cls)]}")
        ready = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**ready)  # type: ignore[arg-type]

    @classmethod
    def from_yaml(cls, path: str | Path) -> NetworkConfig:
        """Read a file of config/networks.

        Raises:
            NetworkConfigError: no such file, no mapping, unknown keys or parts.
        """
        path = Path(path)
        if not path.is_file():
            raise NetworkConfigError(f"{path}: there is no such network description")
        with reading(path, "a network description", NetworkConfigError):
            values = read_yaml(path)
            if not isinstance(values, dict):
                raise NetworkConfigError("expected a mapping such as 'encoder: dense'")
            return cls.from_dict(values)
