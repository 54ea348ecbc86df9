"""What a training run is made of: the committed YAML file as frozen records."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from handmesh_ros.errors import HandmeshError, reading
from handmesh_ros.yaml_files import read_yaml
from handmesh_training.trainer.pictures import CropBox

Record = TypeVar("Record")


class TrainConfigError(HandmeshError, ValueError):
    """The configuration, or something that it names, is missing or does not fit; the message says what."""


@dataclass(frozen=True)
class Renders:
    """A folder of renders, drawn when it is not there from one part of the assets (renders/split.py). ``people``: hands are held
    and seen as those of the real crops are (renders/people.py), otherwise in any way that joints allow."""

    folder: str
    count: int
    size: int = 160
    seed: int = 1
    part: Literal["training", "validation"] = "training"
    people: bool = False


@dataclass(frozen=True)
class Batch:
    """Patches of one step: renders, real pictures (each seen twice), patches without a hand."""

    renders: int = 32
    real: int = 14
    empty: int = 4

    @property
    def patches(self) -> int:
        return self.renders + 2 * self.real + self.empty


@dataclass(frozen=True)
class TrainingStage:
    """A part of the run with its own cosine from ``rate`` down to a fiftieth; sources in ``leave_out`` are only validated on.
    ``consistency`` multiplies that loss's weight: little at first, or the network learns to say always the same."""

    steps: int
    rate: float
    leave_out: tuple[str, ...] = ()
    consistency: float = 1.0


@dataclass(frozen=True)
class Losses:
    """Weights. Lengths are in units of the reference size, keypoints in sides of the patch. ``false_hand`` is how much worse it is to see a
    hand where none is than to miss one: where the network cannot tell, the odds of its score are one to that."""

    vertices: float = 1.0
    joints: float = 1.0
    points: float = 0.5
    biomechanics: float = 0.0
    keypoints: float = 2.0
    guesses: float = 2.0
    heatmaps: float = 0.0
    normals: float = 0.1
    edges: float = 1.0
    projection: float = 0.5
    consistency: float = 0.3
    presence: float = 0.05
    false_hand: float = 1.0
    side: float = 0.05


@dataclass(frozen=True)
class TrainConfig:
    """One run.

    Attributes:
        network: path of the network description (config/networks).
        out: the model file that is written at the end; work: folder of checkpoints, curves and pictures.
        assets, real_hands: folders, see docs/training.md; real_fits: mesh pseudo-labels of the real crops.
        real_folders: of crops, relative to real_hands or absolute (a user's own: docs/pseudo-labels.md).
        landmark_weights: MediaPipe's landmark network to begin with, for the encoder 'landmark'; empty begins with random numbers.
        begin_with: a trained network (the .pt file beside a model) with the same encoder to go on from instead; parts of another shape
            begin anew.
        frozen_blocks: how many of that encoder's blocks stay as they are.
        encoder_rate: learning rate of the encoder as a share of the stage's rate; landmark_rate: that of the landmark network's linear
            outputs, whose 1152 inputs make every step a large one.
        mesh_teacher: a mesh network, an .onnx file, whose meshes are targets on real crops that have no good fit; empty: none.
        negatives: folder of pictures without a hand that join the assets' backgrounds (those of validation sources do not); empty: none.
        fixed_outputs: presence and side stay the landmark network's own, which has seen more hands than we can show; with an encoder that
            is partly free they are held to what the frozen one says.
        looks: how often each patch is shown. More than once needs all blocks frozen: then what the encoder sees of it is remembered.
        crop_scale: side of the patch over the longer side of the tight box of crop_box: the "hand"'s keypoints or the "palm"'s.
        opinions: of MediaPipe's 2020 network on the real crops, for the fused teacher's joints in space (docs/pseudo-labels.md); empty: the
            joints of the fits alone.
    """

    network: str
    out: str
    work: str
    assets: str
    real_hands: str
    real_fits: str
    renders: tuple[Renders, ...]
    validation_renders: tuple[Renders, ...]
    stages: tuple[TrainingStage, ...]
    batch: Batch = field(default_factory=Batch)
    losses: Losses = field(default_factory=Losses)
    real_folders: tuple[str, ...] = ("real_hands", "real_hands_more")
    landmark_weights: str = ""
    begin_with: str = ""
    frozen_blocks: int = 0
    encoder_rate: float = 1.0
    landmark_rate: float = 1.0
    fixed_outputs: bool = False
    looks: int = 1
    mesh_teacher: str = ""
    negatives: str = ""
    crop_scale: float = 1.5
    crop_box: CropBox = "hand"
    opinions: str = ""
    weight_decay: float = 0.01
    average: float = 0.998
    warmup_steps: int = 100
    seed: int = 0
    threads: int = 2
    save_every: int = 200
    validate_every: int = 500

    @property
    def steps(self) -> int:
        """Of all stages."""
        return sum(stage.steps for stage in self.stages)


def read_config(path: str | Path) -> TrainConfig:
    """Read a file of config/train.

    Raises:
        TrainConfigError: no such file, no mapping, unknown or missing keys, wrong types.
    """
    path = Path(path)
    if not path.is_file():
        raise TrainConfigError(f"{path}: there is no such configuration")
    with reading(path, "a training run", TrainConfigError):
        config = _build(TrainConfig, read_yaml(path), "")
    if not config.stages or config.steps <= 0:
        raise TrainConfigError(f"{path}: stages need one entry at least, with steps above 0")
    return config


def differences(one: TrainConfig, other: dict[str, Any]) -> list[str]:
    """What another run's record says otherwise, 'key: this / that', leaving out what may change between sessions of a run."""
    free = {"threads", "save_every", "validate_every"}
    mine = asdict(one)
    # A record from before a field was there says nothing else than the field's default.
    theirs = {entry.name: entry.default for entry in fields(one) if entry.default is not MISSING} | other
    keys = sorted((mine.keys() | theirs.keys()) - free)
    return [f"{key}: {mine.get(key)!r} here, {theirs.get(key)!r} there" for key in keys if _plain(mine.get(key)) != _plain(theirs.get(key))]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def _build(record: type[Record], values: Any, where: str) -> Record:
    """A frozen record from plain values, its nested records likewise."""
    if not isinstance(values, dict):
        raise TrainConfigError(f"{where or 'the file'} must be a mapping, got {values!r}")
    known = {entry.name for entry in fields(record)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - known):
        raise TrainConfigError(f"{where}unknown keys {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    hints = get_type_hints(record)
    ready = {key: _convert(hints[key], value, f"{where}{key}") for key, value in values.items()}
    try:
        return record(**ready)
    except TypeError as error:
        raise TrainConfigError(f"{where}{str(error).split('() ')[-1]}") from None


def _convert(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint):
        return _build(hint, value, f"{where}.")  # type: ignore[arg-type]
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise TrainConfigError(f"{where} must be one of {', '.join(get_args(hint))}, got {value!r}")
        return value
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise TrainConfigError(f"{where} must be a list, got {value!r}")
        return tuple(_convert(get_args(hint)[0], entry, where) for entry in value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or isinstance(value, bool) != (hint is bool):  # Python's True is an int
        raise TrainConfigError(f"{where} must be {hint.__name__}, got {value!r}")
    return value
