"""The tables of parameters: possible values, documentation, and the files made from it."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import fields
from typing import Any

import pytest
import yaml
from support.paths import REPO

pytest.importorskip("rclpy", reason="needs ROS 2")

from rclpy.parameter import Parameter

from handmesh_ros.hand import Side
from handmesh_ros.node.camera_node import CameraParameters
from handmesh_ros.node.parameter_documents import PARAMS_FILES, TABLES, params_file, with_tables
from handmesh_ros.node.parameter_table import ParameterError, ParameterTable, descriptor_of
from handmesh_ros.node.parameters import NodeParameters
from handmesh_ros.node.teleop_parameters import TeleopParameters
from handmesh_ros.node.view_node import ViewParameters
from handmesh_ros.perception.parameters import PipelineParameters
from handmesh_ros.provision import list_models

HAND_YAML, ROS_API = REPO / "config" / "hand.yaml", REPO / "docs" / "ros-api.md"


def test_documentation_and_config_are_made_from_the_table() -> None:
    mend = "run: python -m handmesh_ros.node.parameter_documents"
    for node, file in PARAMS_FILES.items():
        assert (REPO / file).read_text(encoding="utf-8") == params_file(node), mend
    document = ROS_API.read_text(encoding="utf-8")
    assert document == with_tables(document), mend


def test_config_file_is_what_a_node_started_without_it_has() -> None:
    values = yaml.safe_load(HAND_YAML.read_text(encoding="utf-8"))["/**"]["ros__parameters"]
    assert NodeParameters(**values) == NodeParameters()
    assert {name: type(value) for name, value in values.items()} == {row.name: type(row.default) for row in fields(NodeParameters)}


def test_defaults_are_those_of_perception() -> None:
    assert NodeParameters().for_pipeline() == PipelineParameters()


def test_values_reach_perception() -> None:
    parameters = NodeParameters(handedness="left", max_hands=1, smoothing=False, finger_acceleration_radps2=9.0).for_pipeline()
    assert parameters.side is Side.LEFT
    assert parameters.tracking.max_hands == 1
    assert (parameters.estimator.enabled, parameters.estimator.fingers.acceleration) == (False, 9.0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"max_hands": 5}, "'max_hands' cannot be 5: expected 1 to 4"),
        ({"max_hands": 0}, "expected 1 to 4"),
        ({"publish_tf": "some"}, "expected all, wrist, none"),
        ({"handedness": "both"}, "expected auto, left, right"),
        ({"fallback_hfov_deg": 180.0}, "expected 0 to 175"),
        ({"hand_size_m": float("nan")}, "'hand_size_m' cannot be nan"),
        ({"frame_prefix": "my robot"}, "'frame_prefix' cannot be 'my robot'"),
        ({"frame_prefix": "/robot/"}, "'frame_prefix' cannot be '/robot/'"),  # tf2 refuses such names
        ({"model": ""}, "'model' cannot be ''"),
        ({"acceleration_mps2": 0.0}, "'acceleration_mps2' cannot be 0.0: expected 0.1 to 50"),
        ({"max_hands": 1.5}, "'max_hands' cannot be 1.5: expected a whole number, 1 to 4"),
        ({"max_hands": True}, "'max_hands' cannot be True"),
        ({"smoothing": 1}, "'smoothing' cannot be 1: expected true, false"),
        ({"max_hands": None}, "'max_hands' cannot be None"),
    ],
)
def test_impossible_values_are_refused_with_what_is_possible(change: dict, reason: str) -> None:
    with pytest.raises(ParameterError, match=reason):
        NodeParameters().changed(change)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"input": ""}, "'input' cannot be '': expected text, not empty"),
        ({"frame_id": ""}, "'frame_id' cannot be '': expected text, not empty"),
        ({"rate_hz": -1.0}, "'rate_hz' cannot be -1.0: expected 0 to 1000"),
        ({"hfov_deg": 180.0}, "expected 0 to 175"),
        ({"wait_for_subscribers": -1}, "expected 0 to 100"),
        ({"loop": "yes"}, "'loop' cannot be 'yes': expected true, false"),
    ],
)
def test_impossible_values_of_the_camera_are_refused(change: dict, reason: str) -> None:
    with pytest.raises(ParameterError, match=reason):
        CameraParameters().changed(change)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_numbers_are_taken_as_people_write_them(table: type[ParameterTable]) -> None:
    """60 for 60.0, 2.0 for 2, 0 for the text "0"; what the node then works with is of the kind that it declared."""
    other_notation = {float: int, int: float, str: int}
    for row in fields(table):
        if type(row.default) is float:
            low, high = row.metadata["range"]
            written: Any = next((number for number in (math.floor(high), math.ceil(low)) if low <= number <= high), None)
        elif type(row.default) is int:
            written = float(row.default)
        else:
            written = 0 if table is CameraParameters and row.name == "input" else None
        if written is not None:
            assert type(written) is other_notation[type(row.default)]
            value = getattr(table(**{row.name: written}), row.name)
            assert type(value) is type(row.default) and value in (written, str(written))


@pytest.mark.parametrize("text", ["0.2 -0.4", "0.2 -0.4 0.05 1", "a b c", "1.2.3 0 0", "0.2-0.4 0.05", ""])
def test_corners_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ParameterError, match=r"'workspace_low' cannot be .*: expected three numbers with blanks between"):
        TeleopParameters(workspace_low=text)


def test_every_node_refuses_impossible_changes_and_deletions() -> None:
    assert NodeParameters.judged([Parameter("fallback_hfov_deg", value=60), Parameter("use_sim_time", value=True)]).successful
    for change in (Parameter("fallback_hfov_deg", value=180), Parameter("model", value=""), Parameter("max_hands", Parameter.Type.NOT_SET)):
        judged = NodeParameters.judged([change])
        assert not judged.successful and f"'{change.name}' cannot be" in judged.reason


def test_prefixes_of_frames() -> None:
    assert {NodeParameters(frame_prefix=prefix).frame_prefix for prefix in ("", "robot/", "op_", "a/b/")}


def test_descriptors_say_what_the_table_says() -> None:
    descriptors = {row.name: descriptor_of(row) for row in fields(NodeParameters)}
    assert all(descriptor.description for descriptor in descriptors.values())
    assert (descriptors["max_hands"].integer_range[0].from_value, descriptors["max_hands"].integer_range[0].to_value) == (1, 4)
    assert descriptors["hand_size_m"].floating_point_range[0].to_value == pytest.approx(0.15)
    assert descriptors["image_transport"].read_only and not descriptors["model"].read_only
    assert descriptors["publish_tf"].additional_constraints == "one of: all, wrist, none"
    meshes = sorted(status.model.name for status in list_models() if status.model.kind == "mesh")
    assert descriptors["model"].additional_constraints == f"{', '.join(meshes)} or the path of an .onnx file"


def launch_file() -> ast.Module:
    """Its text only: the launch package is not on PyPI. test_launch.py runs it where it is installed."""
    return ast.parse((REPO / "launch" / "hand.launch.py").read_text(encoding="utf-8"))


def constant(name: str) -> Any:
    (value,) = (node.value for node in launch_file().body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name)
    return ast.literal_eval(value)


def called(name: str) -> list[ast.Call]:
    return [node for node in ast.walk(launch_file()) if isinstance(node, ast.Call) and ast.unparse(node.func) == name]


def test_launch_file_sets_only_parameters_that_the_nodes_have() -> None:
    assert set(constant("HAND_PARAMETERS").values()) <= set(NodeParameters.names())
    assert set(constant("CAMERA_PARAMETERS").values()) <= set(CameraParameters.names())
    assert set(constant("VIEW_PARAMETERS").values()) <= set(ViewParameters.names())


def test_launch_file_uses_only_arguments_that_it_declares() -> None:
    nodes = list(ast.walk(launch_file()))
    declared = {node.args[0].value for node in called("argument") if isinstance(node.args[0], ast.Constant)}
    used = {ast.literal_eval(node.slice) for node in nodes if isinstance(node, ast.Subscript) and ast.unparse(node).startswith("given['")}
    assert used | {*constant("HAND_PARAMETERS"), *constant("CAMERA_PARAMETERS"), *constant("VIEW_PARAMETERS")} <= declared


def test_launch_file_starts_only_programs_that_are_installed() -> None:
    words = [word for node in called("Node") for word in node.keywords if word.arg == "executable"]
    started = {word.value.value for word in words if isinstance(word.value, ast.Constant)} | {*constant("HAND_NODES").values()}
    cmake = (REPO / "CMakeLists.txt").read_text(encoding="utf-8")
    assert started - {"rviz2"} <= {*re.findall(r"handmesh_entry\((\w+) ", cmake)}
    assert started == {"hand_node", "managed_hand_node", "camera", "rviz", "rviz2", "view_node"}
