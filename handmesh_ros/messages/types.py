"""The classes of ROS messages: those that ROS generates where it is installed, else stand-ins that behave alike (``stand_ins.py``).

Whoever builds messages takes their classes from here, and so builds the same bytes with ROS and without.
"""

from __future__ import annotations

__all__ = [
    "CameraInfo",
    "ColorRGBA",
    "CompressedImage",
    "Duration",
    "Grasp",
    "HandArray",
    "HandMesh",
    "HandMeshFaces",
    "HandMessage",
    "Header",
    "Image",
    "JointState",
    "Marker",
    "MarkerArray",
    "Point",
    "PointCloud2",
    "PointField",
    "Pose",
    "PoseArray",
    "PoseWithCovariance",
    "PoseWithCovarianceStamped",
    "Quaternion",
    "TFMessage",
    "Time",
    "Transform",
    "TransformStamped",
    "Vector3",
    "deserialize_message",
    "serialize_message",
]

try:
    from builtin_interfaces.msg import Duration, Time
    from geometry_msgs.msg import (
        Point,
        Pose,
        PoseArray,
        PoseWithCovariance,
        PoseWithCovarianceStamped,
        Quaternion,
        Transform,
        TransformStamped,
        Vector3,
    )
    from rclpy.serialization import deserialize_message, serialize_message
    from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState, PointCloud2, PointField
    from std_msgs.msg import ColorRGBA, Header
    from tf2_msgs.msg import TFMessage
    from visualization_msgs.msg import Marker, MarkerArray

    from handmesh_ros.msg import Grasp, HandArray, HandMesh, HandMeshFaces
    from handmesh_ros.msg import Hand as HandMessage
except ImportError:  # all or nothing: the classes of one kind do not go into those of the other
    from handmesh_ros.messages import stand_ins

    globals().update(stand_ins.classes(), serialize_message=stand_ins.serialized, deserialize_message=stand_ins.deserialized)
