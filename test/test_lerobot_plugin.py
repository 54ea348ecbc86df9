"""The LeRobot teleoperator: which hand leads, when, and by how much; and its interface, where LeRobot is installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from types import ModuleType

import numpy as np
import pytest
from support.known_hand import bent_joints, known_hand
from support.paths import REPO

from handmesh_ros.files import clip_file
from handmesh_ros.hand import INDEX_TIP, THUMB_TIP, Hand, Side
from handmesh_ros.teleop.limited_motion import Limits

FOLDER = REPO / "lerobot_teleoperator_handmesh"
FRAME_S = 0.03
LIMITS = Limits(0.25, 2.0)


@pytest.fixture(scope="module")
def leading() -> ModuleType:
    """The part that needs no LeRobot."""
    spec = spec_from_file_location("leading", FOLDER / "lerobot_teleoperator_handmesh" / "leading.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Story:
    """Two hands before a camera, frame by frame."""

    def __init__(self, leading: ModuleType) -> None:
        self.lead = leading.LeadingHand(Side.RIGHT, "-z x -y", 1.0, 0.3, LIMITS)
        self.now_s = 50.0
        self.x = 0.1

    def show(self, frames: int, speed_mps: float = 0.0, pinched: bool = True, track_id: int = 3, with_right: bool = True) -> np.ndarray:
        """(3,) the tool's way meanwhile."""
        way = np.zeros(3)
        for _ in range(frames):
            self.now_s += FRAME_S
            self.x += speed_mps * FRAME_S
            hands: list[Hand] = [
                known_hand(Side.LEFT, 1, (-0.2, 0, 0.5), 9, self.now_s, joints=pinching() if pinched else bent_joints(0.1))
            ]
            if with_right:
                hands.append(known_hand(Side.RIGHT, 2, (self.x, 0, 0.5), track_id, self.now_s))
            self.lead.see(hands)
            step, _ = self.lead.move(self.now_s)
            assert np.linalg.norm(step) <= LIMITS.speed * FRAME_S * 1.001
            way += step
        return way


def pinching() -> np.ndarray:
    joints = bent_joints(0.1)
    joints[THUMB_TIP] = joints[INDEX_TIP] + [0.005, 0, 0]
    return joints


def test_a_held_pinch_of_the_other_hand_lets_the_hand_lead_and_its_opening_ends_it(leading: ModuleType) -> None:
    story = Story(leading)
    assert not story.show(20, 0.1, pinched=False).any(), "released"
    story.show(20)  # the pinch is held for half a second
    way = story.show(40, 0.1)
    np.testing.assert_allclose(way, [0, 0.12, 0], atol=0.01)
    story.show(10, pinched=False)
    assert not story.show(20, 0.1, pinched=False).any() and "released" in story.lead.state


def test_a_lost_hand_ends_it_and_no_other_hand_takes_over_while_the_pinch_is_held(leading: ModuleType) -> None:
    story = Story(leading)
    story.show(3, pinched=False)
    story.show(30)
    assert story.show(20, 0.1).any()
    story.show(10, with_right=False)
    assert not story.show(20, 0.1, track_id=4).any()
    story.show(3, pinched=False)
    story.show(20, track_id=4)
    assert story.show(20, 0.1, track_id=4).any(), "pinched anew"


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    if find_spec("lerobot") is None:
        pytest.skip("needs LeRobot (Python 3.12): pip install lerobot")
    monkeypatch.syspath_prepend(str(FOLDER))
    yield import_module("lerobot_teleoperator_handmesh")
    for name in [name for name in sys.modules if name.startswith("lerobot_teleoperator_handmesh")]:
        del sys.modules[name]


def test_lerobot_makes_and_asks_it(plugin: ModuleType, tmp_path: object) -> None:
    from lerobot.utils.import_utils import make_device_from_device_class

    config = plugin.HandmeshTeleopConfig(camera=str(clip_file("grasp.mp4")), calibration_dir=tmp_path, id="test")
    assert config.type == "handmesh"
    teleoperator = make_device_from_device_class(config)
    with pytest.raises(ConnectionError, match="not connected"):
        teleoperator.get_action()
    with teleoperator:
        action = teleoperator.get_action()
        assert set(action) == set(teleoperator.action_features["names"])
        assert action == {"delta_x": 0.0, "delta_y": 0.0, "delta_z": 0.0, "gripper": 1}
    assert not teleoperator.is_connected
