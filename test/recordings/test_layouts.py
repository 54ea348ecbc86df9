"""The layouts for Foxglove and PlotJuggler name topics, fields and joints that there are."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any

import pytest
from support.paths import REPO

from handmesh_ros.finger_angles import ANGLE_NAMES
from handmesh_ros.messages.frame_messages import MESSAGE_TYPES
from handmesh_ros.messages.types import HandMessage

# Sent by the node, but made of no frame alone.
OTHER_TOPICS = {"diagnostics", "left/target_pose", "right/target_pose", "camera_info", "robot_description"}


def values_of(tree: Any, key: str) -> Iterator[Any]:
    """All values of this key, at any depth."""
    if isinstance(tree, dict):
        if key in tree:
            yield tree[key]
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from values_of(branch, key)


def assert_field(topic: str, fields: list[str]) -> None:
    message = MESSAGE_TYPES[topic]()
    for field in fields:
        name, *index = field.split("[")
        assert hasattr(message, name), f"{topic} has no {'.'.join(fields)}"
        message = getattr(message, name)
        if index and topic == "hands":
            message = HandMessage()


def curves() -> list[str]:
    root = ElementTree.parse(REPO / "config" / "plotjuggler.xml").getroot()
    for splitter in root.iter("DockSplitter"):
        assert int(splitter.attrib["count"]) == len(splitter) == len(splitter.attrib["sizes"].split(";"))
    return [curve.attrib["name"] for curve in root.iter("curve")]


@pytest.mark.parametrize("curve", curves())
def test_a_curve_of_plotjuggler_is_a_number_of_a_message(curve: str) -> None:
    side, topic, *fields = curve.strip("/").split("/")
    if topic == "joint_states":  # PlotJuggler names their values after the joints
        joint, value = fields
        assert value == "position" and joint.removeprefix(f"{side}_") in ANGLE_NAMES
    else:
        assert_field(f"{side}/{topic}", fields)


def test_foxglove_shows_topics_and_fields_that_there_are() -> None:
    layout = json.loads((REPO / "config" / "foxglove.json").read_text())
    topics = {name for found in values_of(layout, "topics") for name in found}
    topics |= set(values_of(layout, "imageTopic")) | set(values_of(layout, "topicToRender"))
    assert "/markers" in topics and {name.lstrip("/") for name in topics} <= {*MESSAGE_TYPES, *OTHER_TOPICS}
    paths = [path["value"] for found in values_of(layout, "paths") for path in found]
    assert paths
    for path in paths:
        topic, *fields = re.split(r"\.", path.lstrip("/"))
        assert_field(topic, fields)
