"""The patched HandArray says the same as the message that ROS makes of the same numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.known_hand import known_hand
from transforms3d.quaternions import quat2mat

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Point, Pose, Quaternion
from handmesh_ros.msg import Hand as HandMessage
from handmesh_ros.msg import HandArray
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header

from handmesh_ros.hand import Hand, Side, TrackState
from handmesh_ros.messages.hand_array import HandArrayTemplate
from handmesh_ros.perception.grasp import aperture, pinch_distance
from handmesh_ros.perception.quaternions import quaternions_xyzw

STAMP = Time(sec=12, nanosec=250_000_000)
LEFT = known_hand(Side.LEFT, 1, state=TrackState.PREDICTED)
RIGHT = replace(known_hand(Side.RIGHT, 2, track_id=2**32 - 1), metric=False, size_m=0.08, score=0.25, side_score=0.5)


def built(frame_id: str, hands: list[Hand]) -> HandArray:
    """Field by field, by names alone; 34 ms late, tracks 1.5 s old."""
    messages = []
    for hand in hands:
        poses = [
            Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=a, y=b, z=c, w=d))
            for (x, y, z), (a, b, c, d) in zip(hand.joints.tolist(), quaternions_xyzw(hand.rotations).tolist(), strict=True)
        ]
        message = HandMessage(
            track_id=hand.track_id,
            side={Side.LEFT: HandMessage.SIDE_LEFT, Side.RIGHT: HandMessage.SIDE_RIGHT}[hand.side],
            side_score=hand.side_score,
            score=hand.score,
            state={TrackState.TRACKING: HandMessage.STATE_TRACKING, TrackState.PREDICTED: HandMessage.STATE_PREDICTED}[hand.state],
            age=Duration(sec=1, nanosec=500_000_000),
            latency=Duration(nanosec=34_000_000),
            joints=poses,
            keypoints=hand.keypoints.astype(np.float32).reshape(-1),
            metric=hand.metric,
            size_m=hand.size_m,
            pinch_distance=pinch_distance(hand.joints),
            aperture=aperture(hand.joints),
        )
        message.wrist.pose = poses[0]
        covariance = np.diag([0.0] * 3 + [0.2**2] * 3)
        covariance[:3, :3] = hand.position_covariance
        message.wrist.covariance = covariance.reshape(-1)
        messages.append(message)
    return HandArray(header=Header(stamp=STAMP, frame_id=frame_id), hands=messages)


def filled(template: HandArrayTemplate, hands: list[Hand]) -> bytes:
    return template.fill(STAMP, hands, 0.034, {hand.track_id: 1.5 for hand in hands})


def read(serialized: bytes) -> HandArray:
    return deserialize_message(serialized, HandArray)


# Every way in which the frame's name can shift what comes after it, and with it the padding before the doubles.
@pytest.mark.parametrize("frame_id", ["", "c", "ca", "cam", "came", "camera", "robot/head_camera_optical_frame"])
@pytest.mark.parametrize("hands", [[], [LEFT], [RIGHT], [LEFT, RIGHT], [RIGHT, LEFT]], ids=len)
def test_patched_bytes_equal_the_built_message(hands: list[Hand], frame_id: str) -> None:
    serialized = serialize_message(built(frame_id, hands))
    patched = filled(HandArrayTemplate(frame_id, len(hands)), hands)
    assert len(patched) == len(serialized)
    assert read(patched) == read(serialized)


def test_nothing_of_an_earlier_image_stays() -> None:
    template = HandArrayTemplate("camera", 2)
    filled(template, [LEFT, RIGHT])
    for hands in ([RIGHT, LEFT], [replace(LEFT, track_id=5, metric=False), RIGHT]):
        assert read(filled(template, hands)) == read(filled(HandArrayTemplate("camera", 2), hands))


def test_every_joint_keeps_its_axes_and_the_wrist_is_the_first() -> None:
    (sent,) = read(filled(HandArrayTemplate("camera", 1), [LEFT])).hands
    for pose, rotation in zip(sent.joints, LEFT.rotations, strict=True):
        q = pose.orientation
        np.testing.assert_allclose(quat2mat([q.w, q.x, q.y, q.z]), rotation, atol=1e-9)
    assert sent.joints[0] == sent.wrist.pose
    assert (np.linalg.eigvalsh(np.reshape(sent.wrist.covariance, (6, 6))) > 0).all()
    assert sent.pinch_distance == pytest.approx(np.linalg.norm(LEFT.joints[4] - LEFT.joints[8]))


def test_a_clock_behind_the_camera_s_gives_a_negative_latency() -> None:
    (sent,) = read(HandArrayTemplate("camera", 1).fill(STAMP, [LEFT], -0.25, {})).hands
    assert sent.latency.sec + 1e-9 * sent.latency.nanosec == pytest.approx(-0.25)
