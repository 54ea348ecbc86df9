"""The lifecycle of the managed node over real DDS: what it does in each state."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from handmesh_ros.msg import HandArray
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from support.camera_stand_in import CameraStandIn, empty_picture
from support.ros_world import World
from support.tiny_mesh_network import write_tiny_mesh_network

pytestmark = pytest.mark.timeout(240)


def change(world: World, transition: int) -> bool:
    request = ChangeState.Request(transition=Transition(id=transition))
    return bool(world.call(ChangeState, "hand_node/change_state", request).success)


def state(world: World) -> int:
    return int(world.call(GetState, "hand_node/get_state", GetState.Request()).current_state.id)


def test_hands_come_only_while_the_node_is_active(world: World, tmp_path: Path) -> None:
    world.listen("hands", HandArray)
    world.start("node.managed_hand_node", model=tmp_path / "not_there.onnx")
    assert not change(world, Transition.TRANSITION_CONFIGURE), "a model that is not there"
    assert state(world) == State.PRIMARY_STATE_UNCONFIGURED
    value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=str(write_tiny_mesh_network(tmp_path / "tiny.onnx")))
    world.call(SetParameters, "hand_node/set_parameters", SetParameters.Request(parameters=[Parameter(name="model", value=value)]))

    camera = CameraStandIn(world)
    for _ in range(2):  # after cleanup all of it works again
        assert change(world, Transition.TRANSITION_CONFIGURE) and state(world) == State.PRIMARY_STATE_INACTIVE
        camera.wait_for_node()
        for active in (True, False):
            assert change(world, Transition.TRANSITION_ACTIVATE if active else Transition.TRANSITION_DEACTIVATE)
            if active:
                camera.send_until_answered(empty_picture())
            else:
                header = camera.send(empty_picture())
                world.spin(0.5)
                assert not camera.answered(header)
        assert change(world, Transition.TRANSITION_CLEANUP) and state(world) == State.PRIMARY_STATE_UNCONFIGURED
        world.until(lambda: world.node.count_subscribers("image") == 0, "nobody listens to images any more")
