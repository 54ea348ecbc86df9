"""The table of parameters: possible values, documentation, and the files made from it."""

from __future__ import annotations

import ast
from dataclasses import fields

import pytest
import yaml
from support.paths import REPO

pytest.importorskip("rclpy", reason="needs ROS 2")

from handmesh_ros.hand import Side
from handmesh_ros.node.parameters import (
    PARAMETER_NAMES,
    NodeParameters,
    ParameterError,
    descriptor_of,
    params_file,
    with_table,
)
from handmesh_ros.perception.pipeline import PipelineParameters

HAND_YAML, ROS_API = REPO / "config" / "hand.yaml", REPO / "docs" / "ros-api.md"


def test_documentation_and_config_are_made_from_the_table() -> None:
    mend = "run: python -m handmesh_ros.node.parameters"
    assert HAND_YAML.read_text(encoding="utf-8") == params_file(), mend
    document = ROS_API.read_text(encoding="utf-8")
    assert document == with_table(document), mend


def test_config_file_is_what_a_node_started_without_it_has() -> None:
    values = yaml.safe_load(HAND_YAML.read_text(encoding="utf-8"))["/**"]["ros__parameters"]
    assert NodeParameters(**values) == NodeParameters()
    assert {name: type(value) for name, value in values.items()} == {row.name: type(row.default) for row in fields(NodeParameters)}


def test_defaults_are_those_of_perception() -> None:
    assert NodeParameters().for_pipeline() == PipelineParameters()


def test_values_reach_perception() -> None:
    parameters = NodeParameters(handedness="left", max_hands=1, smoothing=False, finger_min_cutoff_hz=0.9).for_pipeline()
    assert parameters.side is Side.LEFT
    assert parameters.tracking.max_hands == 1
    assert (parameters.smoothing.enabled, parameters.smoothing.fingers.min_cutoff_hz) == (False, 0.9)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"max_hands": 3}, "'max_hands' cannot be 3: expected 1 to 2"),
        ({"max_hands": 0}, "expected 1 to 2"),
        ({"publish_tf": "some"}, "expected all, wrist, none"),
        ({"handedness": "both"}, "expected auto, left, right"),
        ({"fallback_hfov_deg": 180.0}, "expected 0 to 175"),
        ({"hand_size_m": float("nan")}, "'hand_size_m' cannot be nan"),
        ({"frame_prefix": "my robot"}, "'frame_prefix' cannot be 'my robot'"),
        ({"model": ""}, "'model' cannot be ''"),
        ({"finger_min_cutoff_hz": 0.0}, "'finger_min_cutoff_hz' cannot be 0.0: expected 0.01 to 60"),
    ],
)
def test_impossible_values_are_refused_with_what_is_possible(change: dict, reason: str) -> None:
    with pytest.raises(ParameterError, match=reason):
        NodeParameters().changed(change)


def test_descriptors_say_what_the_table_says() -> None:
    descriptors = {row.name: descriptor_of(row) for row in fields(NodeParameters)}
    assert all(descriptor.description for descriptor in descriptors.values())
    assert (descriptors["max_hands"].integer_range[0].from_value, descriptors["max_hands"].integer_range[0].to_value) == (1, 2)
    assert descriptors["hand_size_m"].floating_point_range[0].to_value == pytest.approx(0.15)
    assert descriptors["image_transport"].read_only and not descriptors["model"].read_only
    assert descriptors["publish_tf"].additional_constraints == "one of: all, wrist, none"


def test_launch_file_sets_only_parameters_and_starts_only_programs_that_exist() -> None:
    """Reads the launch file's text only: the launch package is not on PyPI. That it launches is seen on a machine with apt ROS."""
    tree = ast.parse((REPO / "launch" / "hand.launch.py").read_text(encoding="utf-8"))
    tables = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    assert set(ast.literal_eval(tables["HAND_PARAMETERS"])) <= set(PARAMETER_NAMES)
    camera_source = (REPO / "handmesh_ros" / "node" / "camera_node.py").read_text(encoding="utf-8")
    camera_parameters = ast.literal_eval(tables["CAMERA_PARAMETERS"])
    assert all(f'("{name}",' in camera_source for name in camera_parameters.values())

    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    arguments = {call.args[0].value for call in calls if ast.unparse(call.func) == "DeclareLaunchArgument"}
    assert arguments >= {*ast.literal_eval(tables["HAND_PARAMETERS"]), *camera_parameters}
    asked_for = {ast.literal_eval(node.slice) for node in ast.walk(tree) if ast.unparse(node).startswith("given['")
                 and isinstance(node, ast.Subscript)}  # fmt: skip
    assert asked_for <= arguments
    executables = {word.value.value for call in calls for word in call.keywords if word.arg == "executable"}
    cmake = (REPO / "CMakeLists.txt").read_text(encoding="utf-8")
    assert executables == {"hand_node", "camera", "rviz2"}
    assert all(f"handmesh_entry({name} " in cmake for name in executables - {"rviz2"})
    files = {call.args[0].value for call in calls if ast.unparse(call.func) == "config"}
    assert files == {"hand.yaml", "hand.rviz"} and all((REPO / "config" / file).is_file() for file in files)


def test_rviz_config_shows_topics_that_the_node_publishes() -> None:
    config = yaml.safe_load((REPO / "config" / "hand.rviz").read_text(encoding="utf-8"))
    manager = config["Visualization Manager"]
    topics = {display["Topic"]["Value"] for display in manager["Displays"] if "Topic" in display}
    outputs = (REPO / "handmesh_ros" / "node" / "outputs.py").read_text(encoding="utf-8")
    assert topics and all(f'"{topic.removeprefix("/")}"' in outputs for topic in topics)
    assert manager["Global Options"]["Fixed Frame"] == "camera_optical_frame"
