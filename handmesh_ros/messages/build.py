"""Pure builders: hands to messages. Every message carries the header of the image it was seen in."""

from __future__ import annotations

import array
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import MIDDLE_MCP, WRIST, FloatArray, Hand, Side, TrackState, faces_of_side
from handmesh_ros.messages.types import (
    CameraInfo,
    CompressedImage,
    Grasp,
    HandMesh,
    HandMeshFaces,
    HandMessage,
    Header,
    Image,
    Point,
    PointCloud2,
    PointField,
    Pose,
    PoseWithCovariance,
    PoseWithCovarianceStamped,
    Quaternion,
)
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.grasp import aperture, pinch_distance
from handmesh_ros.perception.quaternions import quaternions_xyzw

SIDES = {Side.LEFT: HandMessage.SIDE_LEFT, Side.RIGHT: HandMessage.SIDE_RIGHT}
STATES = {
    TrackState.TRACKING: HandMessage.STATE_TRACKING,
    TrackState.PREDICTED: HandMessage.STATE_PREDICTED,
    TrackState.LOST: HandMessage.STATE_LOST,
}
JPEG_QUALITY = 90
# About each axis: the network reports no uncertainty of rotation. Measured with mobrecon_lite, root mean square about the camera's x, y and
# z: 0.14, 0.17 and 0.08 on 256 validation renders in any pose, 0.08, 0.11 and 0.02 on the demo's clip. Rounded up from the worst of these.
ROTATION_SIGMA_RAD = 0.2


def pose_covariance(hand: Hand) -> FloatArray:
    """(36,) float64, the row-major 6 x 6 of geometry_msgs/PoseWithCovariance, m2 and rad2."""
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = hand.position_covariance
    covariance[3:, 3:] = np.eye(3) * ROTATION_SIGMA_RAD**2
    return covariance.reshape(-1)


def palm_position(hand: Hand) -> FloatArray:
    """(3,) the middle between wrist and middle finger's mcp, camera frame, metres."""
    middle: FloatArray = 0.5 * (hand.joints[WRIST] + hand.joints[MIDDLE_MCP])
    return middle


def palm_pose(header: Header, hand: Hand) -> PoseWithCovarianceStamped:
    """The palm: the wrist's axes at the middle between wrist and middle finger's mcp."""
    x, y, z = palm_position(hand).tolist()
    qx, qy, qz, qw = quaternions_xyzw(hand.rotations[:1])[0].tolist()
    pose = Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw))
    return PoseWithCovarianceStamped(header=header, pose=PoseWithCovariance(pose=pose, covariance=pose_covariance(hand)))


def hand_mesh(header: Header, hand: Hand) -> HandMesh:
    vertices = array.array("f", np.asarray(hand.vertices, np.float32).tobytes())
    return HandMesh(header=header, track_id=hand.track_id, side=SIDES[hand.side], vertices=vertices)


def mesh_faces(model: str, faces: NDArray[np.integer], vertex_count: int) -> HandMeshFaces:
    right, left = (
        array.array("H", np.ascontiguousarray(faces_of_side(faces, side), np.uint16).tobytes()) for side in (Side.RIGHT, Side.LEFT)
    )
    return HandMeshFaces(model=model, vertex_count=vertex_count, right=right, left=left)


def grasp_message(header: Header, hand: Hand) -> Grasp:
    return Grasp(
        header=header,
        track_id=hand.track_id,
        state=STATES[hand.state],
        aperture=aperture(hand.joints),
        pinch_distance=pinch_distance(hand.joints),
    )


def point_cloud(header: Header, hands: Sequence[Hand]) -> PointCloud2:
    """The vertices of all hands as one cloud."""
    points = np.concatenate([np.asarray(hand.vertices, np.float32) for hand in hands]) if hands else np.zeros((0, 3), np.float32)
    fields = [PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1) for i, name in enumerate("xyz")]
    message = PointCloud2(header=header, height=1, width=len(points), fields=fields, point_step=12, row_step=12 * len(points))
    message.data.frombytes(points.tobytes())
    return message


def image_message(header: Header, frame_rgb: np.ndarray) -> Image:
    """An rgb8 image of (H, W, 3) uint8."""
    height, width = frame_rgb.shape[:2]
    message = Image(header=header, height=height, width=width, encoding="rgb8", step=3 * width)
    # Into the message's own array: every other way of setting it costs up to a hundred times more.
    message.data.frombytes(np.ascontiguousarray(frame_rgb).data)
    return message


def compressed_message(header: Header, frame_rgb: np.ndarray) -> CompressedImage:
    """A JPEG of (H, W, 3) uint8 RGB, named as image_transport names it."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(frame_rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done, "OpenCV cannot encode JPEG"
    message = CompressedImage(header=header, format="rgb8; jpeg compressed bgr8")
    message.data.frombytes(data.tobytes())
    return message


def camera_info_message(header: Header, camera: Camera | None, width: int, height: int) -> CameraInfo:
    """The calibration of a camera; without one, K is zero, which by definition means 'not calibrated'."""
    if camera is None:
        return CameraInfo(header=header, width=width, height=height)
    return CameraInfo(
        header=header,
        width=width,
        height=height,
        distortion_model=camera.distortion_model,
        d=[float(value) for value in camera.distortion] or [0.0] * 5,
        k=camera.K.reshape(-1),
        r=np.eye(3).reshape(-1),
        p=np.column_stack([camera.K, np.zeros(3)]).reshape(-1),
    )
