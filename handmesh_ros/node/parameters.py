"""The hand node's parameters: one table, from which declaration, validation and documentation come."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from handmesh_ros.errors import HandmeshError
from handmesh_ros.hand import Side
from handmesh_ros.perception.pipeline import PipelineParameters
from handmesh_ros.perception.smoothing.smoother import SmoothingParameters
from handmesh_ros.perception.tracking.tracker import TrackingParameters
from handmesh_ros.provision import DEFAULT_MODEL

# Defaults have one home each: those of perception are perception's.
PIPELINE, SMOOTHING = PipelineParameters(), SmoothingParameters()


class ParameterError(HandmeshError, ValueError):
    """A value that the node refuses; the message says which values are possible."""


def _parameter(
    default: Any,
    description: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] = (),
    pattern: str | None = None,
    read_only: bool = False,
) -> Any:
    """One row of the table: a dataclass field whose metadata holds what ROS wants to know."""
    metadata = {"description": description, "range": None if low is None else (low, high), "choices": tuple(choices)}
    return field(default=default, metadata={**metadata, "pattern": pattern, "read_only": read_only})


@dataclass(frozen=True)
class NodeParameters:
    """The values in force; a change makes a new one.

    Raises:
        ParameterError: a value outside its range or choices.
    """

    model: str = _parameter(DEFAULT_MODEL, "mesh network: a name of models/manifest.yaml or the path of an .onnx file; a change loads it")
    max_hands: int = _parameter(2, "hands followed at the same time", low=1, high=2)
    threads: int = _parameter(1, "threads of each network", low=1, high=16, read_only=True)
    image_transport: str = _parameter("raw", "subscribe to `image` or to `image/compressed`", choices=("raw", "compressed"), read_only=True)
    handedness: str = _parameter(
        "auto", "which hands are there: let the network tell, or take every hand for a left or right one", choices=("auto", "left", "right")
    )
    rectified: bool = _parameter(False, "the image is already rectified (`image_rect`): take P of camera_info, not K and D")
    hand_size_m: float = _parameter(
        0.0, "wrist to middle finger's mcp, metres: the distance scales with it; 0: an average adult's", low=0.0, high=0.15
    )
    hand_size_file: str = _parameter(
        "", "YAML file of hand sizes: read at start where it is there, written by ~/calibrate_hand_size; empty: none", read_only=True
    )
    depth_topic: str = _parameter(
        "", "depth image aligned to `image`, for ~/calibrate_hand_size (16UC1 mm or 32FC1 m); empty: none", read_only=True
    )
    fallback_hfov_deg: float = _parameter(
        0.0,
        "horizontal field of view assumed without calibration, degrees; hands are then marked `metric: false`. "
        "0: without calibration no hand is published",
        low=0.0,
        high=175.0,
    )
    frame_prefix: str = _parameter("", "put before every TF frame name of a hand", pattern=r"[A-Za-z0-9_/]*")
    publish_tf: str = _parameter("all", "TF frames of a hand: all 21, the wrist only, or none", choices=("all", "wrist", "none"))
    marker_rate_hz: float = _parameter(
        15.0, "most marker updates a second (a viewer pays ten times what this node pays)", low=1.0, high=120.0
    )
    detection_threshold: float = _parameter(
        PIPELINE.detection_threshold, "least score of the palm detector: lower finds more hands and more that are none", low=0.1, high=0.95
    )
    smoothing: bool = _parameter(SMOOTHING.enabled, "whether `hands` are filtered; `hands_raw` never are")
    finger_min_cutoff_hz: float = _parameter(
        SMOOTHING.fingers.min_cutoff_hz, "least cut-off frequency of still fingers: lower is calmer", low=0.01, high=60.0
    )
    finger_cutoff_slope_hz_per_mps: float = _parameter(
        SMOOTHING.fingers.cutoff_slope_hz_per_mps, "rise of the cut-off with a finger joint's speed in the palm", low=0.0, high=500.0
    )
    max_prediction_s: float = _parameter(
        SMOOTHING.prediction_limit_s, "how far `target_pose` is predicted beyond the image's stamp at most, seconds", low=0.0, high=0.2
    )

    def __post_init__(self) -> None:
        for row in fields(self):
            _check(row, getattr(self, row.name))

    def changed(self, changes: Mapping[str, Any]) -> NodeParameters:
        """A copy with other values.

        Raises:
            ParameterError: a value that is not possible.
        """
        return replace(self, **changes)

    def for_pipeline(self) -> PipelineParameters:
        """Those that perception wants to know."""
        fingers = replace(
            SMOOTHING.fingers, min_cutoff_hz=self.finger_min_cutoff_hz, cutoff_slope_hz_per_mps=self.finger_cutoff_slope_hz_per_mps
        )
        return PipelineParameters(
            side=None if self.handedness == "auto" else Side(self.handedness),
            detection_threshold=self.detection_threshold,
            tracking=TrackingParameters(max_hands=self.max_hands),
            smoothing=SmoothingParameters(enabled=self.smoothing, fingers=fingers, prediction_limit_s=self.max_prediction_s),
        )


PARAMETER_NAMES = tuple(row.name for row in fields(NodeParameters))

TABLE_BEGIN, TABLE_END = "<!-- parameters: begin -->", "<!-- parameters: end -->"


def declare_parameters(node: Node) -> NodeParameters:
    """Declare every parameter on the node and return the values it was started with.

    Raises:
        ParameterError: a value from the command line or a file is of a wrong type or not possible.
    """
    values = {}
    for row in fields(NodeParameters):
        try:
            values[row.name] = node.declare_parameter(row.name, row.default, descriptor_of(row)).value
        except Exception as error:  # rclpy has one exception class for each way a value can be wrong
            raise ParameterError(f"parameter '{row.name}': {error}; expected {_possible(row)}") from error
    return NodeParameters(**values)


def changes_of(parameters: Sequence[Parameter]) -> dict[str, Any]:
    """Those of the given ROS parameters that belong to the table, by name; others (QoS overrides, use_sim_time) are left out."""
    return {parameter.name: parameter.value for parameter in parameters if parameter.name in PARAMETER_NAMES}


def descriptor_of(row: Field) -> ParameterDescriptor:
    """What `ros2 param describe` shows."""
    descriptor = ParameterDescriptor(name=row.name, description=row.metadata["description"], read_only=row.metadata["read_only"])
    if row.metadata["choices"]:
        descriptor.additional_constraints = "one of: " + ", ".join(row.metadata["choices"])
    if row.metadata["range"] is not None:
        low, high = row.metadata["range"]
        if isinstance(row.default, int):
            descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
        else:
            descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)]
    return descriptor


def markdown_table() -> str:
    """The table of docs/ros-api.md."""
    lines = ["| parameter | default | possible values | changeable | meaning |", "|---|---|---|---|---|"]
    for row in fields(NodeParameters):
        changeable = "at start" if row.metadata["read_only"] else "at run time"
        lines.append(f"| `{row.name}` | `{_literal(row.default)}` | {_possible(row)} | {changeable} | {row.metadata['description']} |")
    return "\n".join(lines)


def params_file() -> str:
    """The text of config/hand.yaml: every parameter with its default."""
    lines = [
        "# Parameters of the hand node with their defaults. Made by 'python -m handmesh_ros.node.parameters'; copy it, do not edit it.",
        "/**:",
        "  ros__parameters:",
    ]
    for row in fields(NodeParameters):
        start_only = "; read at start only" if row.metadata["read_only"] else ""
        lines.append(f"    # {row.metadata['description']} ({_possible(row)}{start_only})")
        lines.append(f"    {row.name}: {_literal(row.default)}")
    return "\n".join(lines) + "\n"


def with_table(document: str) -> str:
    """The text of docs/ros-api.md with its table of parameters renewed."""
    before, rest = document.split(TABLE_BEGIN)
    return f"{before}{TABLE_BEGIN}\n{markdown_table()}\n{TABLE_END}{rest.split(TABLE_END)[1]}"


def _literal(value: Any) -> str:
    """A value as YAML and the command line want it."""
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _possible(row: Field) -> str:
    if row.metadata["choices"]:
        return ", ".join(row.metadata["choices"])
    if row.metadata["range"] is not None:
        return "{:g} to {:g}".format(*row.metadata["range"])
    return {bool: "true, false", str: "text"}[type(row.default)]


def _check(row: Field, value: Any) -> None:
    metadata = row.metadata
    refused = (
        (metadata["choices"] and value not in metadata["choices"])
        or (metadata["range"] is not None and not metadata["range"][0] <= value <= metadata["range"][1])
        or (isinstance(value, float) and not math.isfinite(value))
        or (metadata["pattern"] is not None and not re.fullmatch(metadata["pattern"], value))
        or (row.name == "model" and not value)
    )
    if refused:
        raise ParameterError(f"parameter '{row.name}' cannot be {value!r}: expected {metadata['pattern'] or _possible(row)}")


if __name__ == "__main__":
    repository = Path(__file__).parents[2]
    (repository / "config" / "hand.yaml").write_text(params_file(), encoding="utf-8")
    api = repository / "docs" / "ros-api.md"
    api.write_text(with_table(api.read_text(encoding="utf-8")), encoding="utf-8")
