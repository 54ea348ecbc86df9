"""Where cameras stand: the places of their optical frames in one common frame, and the file that names them."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transforms3d.quaternions import quat2mat

from handmesh_ros.errors import HandmeshError
from handmesh_ros.hand import FloatArray
from handmesh_ros.yaml_files import YamlFileError, read_yaml

LENGTH_TOLERANCE = 1e-3  # of a quaternion that somebody wrote with four decimals


class ExtrinsicsError(HandmeshError, ValueError):
    """The places of the cameras cannot be read; the message names the file, the camera and what is expected."""


@dataclass(frozen=True, eq=False)
class CameraPlace:
    """A camera's optical frame (x right, y down, z forward) in the common frame.

    Attributes:
        rotation: (3, 3), its axes as columns.
        position: (3,), its optical centre, metres.
    """

    rotation: FloatArray
    position: FloatArray

    def points(self, in_camera: FloatArray) -> FloatArray:
        """(..., 3) of the camera's frame in the common frame."""
        return np.asarray(in_camera @ self.rotation.T + self.position)


@dataclass(frozen=True, eq=False)
class CameraSetup:
    """What a file of extrinsics says.

    Attributes:
        frame_id: name of the common frame.
        places: of each camera by name.
        offsets_s: what is added to each camera's stamps, seconds.
    """

    frame_id: str
    places: Mapping[str, CameraPlace]
    offsets_s: Mapping[str, float]

    @classmethod
    def read(cls, path: Path) -> CameraSetup:
        """Read a YAML file with ``frame`` and ``cameras``: name -> ``translation`` [x, y, z] in metres, ``rotation`` [x, y, z, w] as TF and
        static_transform_publisher have it, and ``offset_s`` (0 where it is left out).

        Raises:
            ExtrinsicsError: something is missing or is no place.
        """
        try:
            content = read_yaml(path)
        except YamlFileError as error:
            raise ExtrinsicsError(str(error)) from error
        if not isinstance(content, dict) or not isinstance(content.get("cameras"), dict) or not content["cameras"]:
            raise ExtrinsicsError(f"{path}: no 'cameras' in it; docs/two-cameras.md shows such a file")
        cameras = {str(name): _checked(path, str(name), camera) for name, camera in content["cameras"].items()}
        places = {name: _place(path, name, camera) for name, camera in cameras.items()}
        offsets = {name: _numbers(path, name, "offset_s", [camera.get("offset_s", 0.0)], 1)[0] for name, camera in cameras.items()}
        return cls(str(content.get("frame", "world")), places, offsets)


def _checked(path: Path, name: str, camera: Any) -> dict[str, Any]:
    if not isinstance(camera, dict):
        raise ExtrinsicsError(f"{path}: camera {name!r} needs a translation and a rotation below its name")
    known = {"translation", "rotation", "offset_s"}
    if unknown := set(camera) - known:
        raise ExtrinsicsError(f"{path}: camera {name!r} has {', '.join(sorted(map(str, unknown)))}; known are {', '.join(sorted(known))}")
    return camera


def _place(path: Path, name: str, camera: dict[str, Any]) -> CameraPlace:
    position = _numbers(path, name, "translation", camera.get("translation"), 3)
    x, y, z, w = _numbers(path, name, "rotation", camera.get("rotation"), 4)
    if abs(math.sqrt(x * x + y * y + z * z + w * w) - 1.0) > LENGTH_TOLERANCE:
        raise ExtrinsicsError(f"{path}: rotation of camera {name!r} is no unit quaternion [x, y, z, w]")
    return CameraPlace(quat2mat([w, x, y, z]), np.array(position))


def _numbers(path: Path, name: str, key: str, values: Any, count: int) -> list[float]:
    if not isinstance(values, list) or len(values) != count or not all(_finite(value) for value in values):
        raise ExtrinsicsError(f"{path}: camera {name!r} needs '{key}': {count} finite number{'s' if count > 1 else ''}, not {values!r}")
    return [float(value) for value in values]


def _finite(value: Any) -> bool:
    # A whole number of YAML may have hundreds of digits, which no float holds.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
