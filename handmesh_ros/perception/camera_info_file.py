"""Calibration files as programs write them: camera_calibration, OpenCV's sample, and ``ros2 topic echo --once .../camera_info``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handmesh_ros.yaml_files import YamlFileError, read_yaml

EXPECTED = (
    "it needs image_width, image_height and camera_matrix: data, as camera_calibration writes them, or width, height, k and d, as "
    "`ros2 topic echo --once /camera/camera_info` prints them"
)


def read_camera_info(path: str | Path) -> dict[str, Any]:
    """The arguments of :meth:`handmesh_ros.perception.camera.Camera.from_camera_info_fields`; their values are the file's.

    Raises:
        YamlFileError: the file is missing, is no YAML, or describes no camera.
    """
    content = read_yaml(path)
    if not isinstance(content, Mapping):
        raise YamlFileError(f"{path}: is no camera_info file; {EXPECTED}")
    try:
        return _message(content) if {"k", "K"} & content.keys() else _calibration(content)
    except KeyError as error:
        raise YamlFileError(f"{path}: is no camera_info file ({error.args[0]} is missing); {EXPECTED}") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise YamlFileError(f"{path}: is no camera_info file ({error}); {EXPECTED}") from error


def _calibration(content: Mapping[str, Any]) -> dict[str, Any]:
    model = "equidistant" if content.get("fisheye_model") else content.get("distortion_model")  # the former is OpenCV's
    return {
        "width": int(content["image_width"]),
        "height": int(content["image_height"]),
        "k": content["camera_matrix"]["data"],
        "d": (content.get("distortion_coefficients") or {}).get("data", ()),
        "distortion_model": str(model or ""),
    }


def _message(content: Mapping[str, Any]) -> dict[str, Any]:
    """K and D are capital letters in ROS 1."""
    fields = {str(name).lower(): value for name, value in content.items()}
    roi = fields.get("roi") or {}
    return {
        "width": int(fields["width"]),
        "height": int(fields["height"]),
        "k": fields["k"],
        "d": fields.get("d") or (),
        "distortion_model": str(fields.get("distortion_model") or ""),
        "roi": [int(roi.get(name, 0)) for name in ("x_offset", "y_offset", "width", "height")],
        "binning": [int(fields.get(name, 0)) for name in ("binning_x", "binning_y")],
    }
