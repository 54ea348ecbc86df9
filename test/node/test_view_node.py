"""The page beside the node, over real DDS: what it is told becomes what it shows, what it asks for is done by a real hand node."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from handmesh_ros.msg import Hand as HandMessage
from handmesh_ros.msg import HandArray, HandMesh
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool
from support.camera_stand_in import CAMERA, FRAME_ID, HEIGHT, WIDTH
from support.known_hand import FACES, VERTEX_COUNT, known_hand
from support.ros_world import World

from handmesh_ros.errors import InputError
from handmesh_ros.hand import Hand, Side
from handmesh_ros.messages.frame_messages import FrameResult, MessageSettings
from handmesh_ros.messages.stamps import time_of
from handmesh_ros.node.frame_topics import FrameTopics, shown_frame
from handmesh_ros.node.hand_node_desk import HandNodeDesk
from handmesh_ros.node.hand_node_state import HandNodeState
from handmesh_ros.node.joining import JoinedFrame
from handmesh_ros.node.outputs import HandOutputs
from handmesh_ros.node.waiting import Occasional
from handmesh_ros.overlay import draw_hands
from handmesh_ros.view.page import ShownFrame
from handmesh_ros.view.requests import Engage, LoadModel, PageRequest, Smooth, TakeDistance, TakeSide, TakeSize

ROOM = np.full((HEIGHT, WIDTH, 3), (20, 90, 60), np.uint8)


def publish(outputs: HandOutputs, stamp_s: float, hands: list[Hand]) -> None:
    header = Header(stamp=time_of(stamp_s), frame_id=FRAME_ID)
    outputs.publish(FrameResult(header, stamp_s, ROOM, CAMERA, hands, hands, {}, 0.012), MessageSettings())


def test_what_the_hand_node_tells_is_shown_as_it_was_seen(world: World) -> None:
    outputs = HandOutputs(world.node)
    outputs.set_model("known", FACES, VERTEX_COUNT)
    came: list[bool] = []
    state = HandNodeState(world.node, "/hand_node", lambda: came.append(True), lambda side, engaged: None)
    frames: list[JoinedFrame] = []
    world.until(lambda: came, "the model that was announced before is heard of")
    assert not outputs._is_heard("overlay") and not outputs._is_heard("mesh"), "nobody looks yet"
    topics = FrameTopics(world.node, frames.append)
    world.until(lambda: all(map(outputs._is_heard, ("hands", "mesh", "overlay"))), "the topics are subscribed to")
    seen = [known_hand(Side.LEFT, track_id=7), known_hand(Side.RIGHT, track_id=2, position=(0.2, 0, 0.6))]
    for number, hands in enumerate((seen, [], seen[:1])):
        publish(outputs, 50.0 + number, hands)
        world.until(lambda: (topics.look(), len(frames) > number)[1], "the frame is shown")  # noqa: B023
        shown = shown_frame(frames[number], state.faces)
        assert [hand.track_id for hand in shown.hands] == [hand.track_id for hand in hands]
        for hand, truth in zip(shown.hands, hands, strict=True):
            assert (hand.side, hand.state, hand.metric) == (truth.side, truth.state, truth.metric)
            np.testing.assert_array_equal(hand.vertices, truth.vertices)
            np.testing.assert_allclose(hand.joints, truth.joints)
            np.testing.assert_allclose(hand.rotations, truth.rotations, atol=1e-6)
        assert shown.stamp_s == 50.0 + number and (shown.latency_s == pytest.approx(0.012) if hands else math.isnan(shown.latency_s))
        np.testing.assert_array_equal(shown.faces, FACES)
        assert shown.picture is not None
        np.testing.assert_array_equal(shown.picture(), draw_hands(ROOM, hands, CAMERA, FACES))
    topics.close()
    world.until(lambda: not outputs._is_heard("overlay"), "nothing is asked for any more")


def test_a_message_that_makes_no_sense_is_named_and_the_next_frame_is_shown(world: World) -> None:
    frames: list[ShownFrame] = []
    topics = FrameTopics(world.node, lambda frame: frames.append(shown_frame(frame, FACES)))
    hands, pictures = world.node.create_publisher(HandArray, "hands", 5), world.node.create_publisher(Image, "overlay", 1)
    meshes = world.node.create_publisher(HandMesh, "mesh", 5)
    world.until(lambda: all(each.get_subscription_count() for each in (hands, meshes, pictures)), "the topics are subscribed to")

    def send(stamp_s: float, side: int) -> None:
        header = Header(stamp=time_of(stamp_s))
        hands.publish(HandArray(header=header, hands=[HandMessage(side=side, state=HandMessage.STATE_TRACKING)]))
        meshes.publish(HandMesh(header=header, vertices=[0.0] * 9))
        pictures.publish(Image(header=header))
        world.spin(0.2)

    with pytest.raises(InputError, match="a hand of side 77"):  # which handmesh_ros.node.process.spin tells, and goes on
        send(1.0, 77)
        world.until(lambda: False, "the frame is taken")
    assert frames == []
    send(2.0, HandMessage.SIDE_RIGHT)
    world.until(lambda: (topics.look(), frames)[1], "the next frame is shown")
    topics.close()


@pytest.mark.timeout(240)
def test_what_the_page_asks_for_is_done_by_the_hand_node_or_refused_in_words(world: World) -> None:
    settings: list[tuple[Side | None, str, bool]] = []
    answers: list[str] = []
    desk = HandNodeDesk(world.node, "hand_node", lambda *changed: settings.append(changed))

    def asked(request: PageRequest) -> str:
        count = len(answers)
        desk.ask(request, answers.append)
        world.until(lambda: len(answers) > count, f"{request} is answered")
        return answers[-1]

    assert "/hand_node does not answer" in asked(Smooth(False))
    hand_node = world.start("node.hand_node", model="mobrecon_lite")
    hand_node.wait_for_log("ready")

    def told(*expected: object) -> bool:
        desk.look_after()
        return bool(settings) and settings[-1] == expected

    world.until(lambda: told(None, "mobrecon_lite", True), "the settings are read as soon as the node is there")
    assert asked(TakeSide(Side.LEFT)) == TakeSide(Side.LEFT).done
    assert asked(Smooth(False)) == Smooth(False).done
    values = world.call(GetParameters, "hand_node/get_parameters", GetParameters.Request(names=["handedness", "smoothing"])).values
    assert (values[0].string_value, values[1].bool_value) == ("left", False)
    world.until(lambda: told(Side.LEFT, "mobrecon_lite", False), "the page shows what is so")
    refused = asked(LoadModel("no_such_model"))
    assert refused.startswith("refused: ") and "no_such_model" in refused
    assert "80.0 mm" in asked(TakeSize(0.08)) and "refused: " in asked(TakeSize(0.5))
    assert "0 hands fit" in asked(TakeDistance(0.5))
    assert "left clutch: refused: no left hand is seen" in asked(Engage(Side.LEFT, True))
    assert "released" in asked(Engage(Side.RIGHT, False))

    changes = [Parameter("smoothing", value=True).to_parameter_msg()]
    world.call(SetParameters, "hand_node/set_parameters", SetParameters.Request(parameters=changes))
    world.until(lambda: told(Side.LEFT, "mobrecon_lite", True), "the page hears what others have changed")
    assert hand_node.interrupt() < 20
    world.until(lambda: "/hand_node does not answer" in asked(TakeSize(0.08)), "a node that has gone is told of")


def test_a_request_that_is_not_answered_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handmesh_ros.node.hand_node_desk.ANSWER_S", 0.5)
    world.node.create_service(SetBool, "mute/left/clutch", lambda request, response: response, callback_group=Occasional(open=False))
    desk = HandNodeDesk(world.node, "mute", lambda *_: None)
    answers: list[str] = []

    def answered() -> bool:
        if not answers or "does not answer" in answers[-1]:  # the service has not been found yet
            desk.ask(Engage(Side.LEFT, True), answers.append)
            world.spin(0.2)
        desk.look_after()
        return answers[-1:] == ["/mute has not answered for 0.5 s"]

    world.until(answered, "the request is given up")
