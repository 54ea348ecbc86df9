"""Where cameras stand: read from a file, and what is said of a wrong one."""

import re
from pathlib import Path

import numpy as np
import pytest
from support.paths import REPO

from handmesh_ros.fusion.extrinsics import CameraSetup, ExtrinsicsError

GOOD = """
frame: base_link
cameras:
  front: {translation: [0.5, 0, 1], rotation: [0, 0, 0, 1]}
  aside: {translation: [0, 0.25, 0], rotation: [0, 0.70710678, 0, 0.70710678], offset_s: -0.5}
"""


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_text(GOOD)
    setup = CameraSetup.read(path)
    assert setup.frame_id == "base_link" and dict(setup.offsets_s) == {"front": 0.0, "aside": -0.5}
    np.testing.assert_allclose(setup.places["front"].points(np.array([1.0, 2.0, 3.0])), [1.5, 2.0, 4.0])
    # A quarter turn about y: what lies ahead (z) of the camera lies along the common frame's x.
    np.testing.assert_allclose(setup.places["aside"].points(np.array([[0.0, 0.0, 2.0]])), [[2.0, 0.25, 0.0]], atol=1e-6)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cameras: {a: {translation: [0, 0, 0]}}", "camera 'a' needs 'rotation': 4 finite numbers"),
        ("cameras: {a: {rotation: [0, 0, 0, 1], translation: [0, 0]}}", "camera 'a' needs 'translation': 3"),
        ("cameras: {a: {rotation: [0, 0, 0, 1], translation: [0, .nan, 0]}}", "finite"),
        (f"cameras: {{a: {{rotation: [0, 0, 0, 1], translation: [0, 1{'0' * 400}, 0]}}}}", "finite"),
        ("cameras: {a: {rotation: [0, 0, 1, 1], translation: [0, 0, 0]}}", "no unit quaternion"),
        ("cameras: {a: {rotation: [0, 0, 0, 1], translation: [0, 0, 0], offset_s: x}}", "'offset_s'"),
        ("cameras: {a: {rotation: [0, 0, 0, 1], translation: [0, 0, 0], scale: 1}}", "has scale; known are"),
        ("cameras: {a: 3}", "camera 'a' needs a translation"),
        ("frame: world", "no 'cameras'"),
        ("[", "no YAML file"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_text(text)
    with pytest.raises(ExtrinsicsError, match=told) as raised:
        CameraSetup.read(path)
    assert str(path) in str(raised.value)


def test_the_file_that_is_shown_is_one(tmp_path: Path) -> None:
    """Both of its cameras look at one place, 0.8 m ahead of them."""
    (block,) = re.findall(r"```yaml\n(.*?)```", (REPO / "docs" / "two-cameras.md").read_text(encoding="utf-8"), re.S)
    path = tmp_path / "cameras.yaml"
    path.write_text(block)
    setup = CameraSetup.read(path)
    ahead = [place.points(np.array([0.0, 0.0, 0.8])) for place in setup.places.values()]
    np.testing.assert_allclose(ahead[0], ahead[1], atol=1e-3)
