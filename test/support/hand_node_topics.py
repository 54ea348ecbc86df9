"""What the tests of a hand node that runs ask of it and of its messages."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped
from handmesh_ros.msg import Grasp, HandArray, HandMesh
from handmesh_ros.msg import Hand as HandMessage
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from sensor_msgs.msg import CompressedImage, Image, PointCloud2
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from support.ros_world import World

PICTURES = ("overlay", "overlay/compressed")
TOPICS = {
    "hands": HandArray,
    "hands_raw": HandArray,
    "mesh": HandMesh,
    "markers": MarkerArray,
    "points": PointCloud2,
    "overlay": Image,
    "overlay/compressed": CompressedImage,
    "/tf": TFMessage,
    **{f"{side}/palm_pose": PoseWithCovarianceStamped for side in ("left", "right")},
    **{f"{side}/grasp": Grasp for side in ("left", "right")},
    **{f"{side}/target_pose": PoseStamped for side in ("left", "right")},
}


def side_of(hand: HandMessage) -> str:
    return {HandMessage.SIDE_LEFT: "left", HandMessage.SIDE_RIGHT: "right"}[hand.side]


def joints_of(hand: HandMessage) -> np.ndarray:
    return np.array([(p.position.x, p.position.y, p.position.z) for p in hand.joints])


def set_parameter(world: World, name: str, value: str | float | int) -> tuple[bool, str]:
    kinds = {
        str: (ParameterType.PARAMETER_STRING, "string_value"),
        float: (ParameterType.PARAMETER_DOUBLE, "double_value"),
        int: (ParameterType.PARAMETER_INTEGER, "integer_value"),
    }
    kind, field = kinds[type(value)]
    request = SetParameters.Request(parameters=[Parameter(name=name, value=ParameterValue(type=kind, **{field: value}))])
    (result,) = world.call(SetParameters, "hand_node/set_parameters", request).results
    return result.successful, result.reason
