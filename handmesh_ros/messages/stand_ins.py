"""Message classes for machines without ROS. They do what this package asks of generated ones: fields by name with defaults, constants
as attributes, serialization as CDR."""

from __future__ import annotations

import array
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.interfaces import Nodetype

from handmesh_ros.messages.definitions import OUR_MESSAGES, type_store

PACKAGES = {
    "builtin_interfaces": ("Duration", "Time"),
    "geometry_msgs": (
        "Point",
        "Quaternion",
        "Vector3",
        "Pose",
        "PoseArray",
        "PoseWithCovariance",
        "PoseWithCovarianceStamped",
        "Transform",
        "TransformStamped",
    ),
    "handmesh_ros": OUR_MESSAGES,
    "sensor_msgs": ("CameraInfo", "CompressedImage", "Image", "JointState", "PointCloud2", "PointField"),
    "std_msgs": ("ColorRGBA", "Header"),
    "tf2_msgs": ("TFMessage",),
    "visualization_msgs": ("Marker", "MarkerArray"),
}


def classes() -> dict[str, type[Any]]:
    """By the names that ``types.py`` gives them: ``Hand`` is the vocabulary's, so its message is ``HandMessage``."""
    found = {name: _class(f"{package}/msg/{name}") for package, names in PACKAGES.items() for name in names}
    return found | {"HandMessage": found.pop("Hand")}


def serialized(message: Any) -> bytes:
    """CDR, as rclpy's ``serialize_message`` gives it."""
    return bytes(type_store().serialize_cdr(message, message.__msgtype__))


def deserialized(data: bytes, message_class: Any) -> Any:
    return type_store().deserialize_cdr(data, message_class.__msgtype__)


class _Bytes(array.array):  # type: ignore[type-arg]  # Python 3.10 and 3.11 have no array[int] at run time
    """Numbers of 8 bit as generated classes have them, which take bytes; and as rosbags wants to see them."""

    def view(self, _: object) -> NDArray[np.uint8]:
        return np.frombuffer(self, np.uint8)


def _class(type_name: str) -> type[Any]:
    base: type[Any] = type_store().types[type_name]
    fields = {name: _field(description) for name, description in type_store().fielddefs[type_name][1]}
    if type_name == "geometry_msgs/msg/Quaternion":  # the only one of them with a default that is not zero, which rosbags does not keep
        fields["w"] = (lambda: 1.0), _same

    def __init__(self: Any, **given: Any) -> None:  # noqa: N807
        base.__init__(self, **{name: convert(given[name]) if name in given else make() for name, (make, convert) in fields.items()})

    package, _, name = type_name.split("/")
    return type(name, (base,), {"__init__": __init__, "__module__": f"{package}.msg"})


def _field(description: Any) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """How the default of a field is made, and how a given value becomes what rosbags can serialize."""
    kind, of = description
    if kind is Nodetype.BASE:
        return {"string": str, "bool": bool, "float32": float, "float64": float}.get(of[0], int), _same
    if kind is Nodetype.NAME:
        return lambda: _class(of)(), _same
    (part_kind, part), length = of
    length = length if kind is Nodetype.ARRAY else 0
    if part_kind is Nodetype.BASE and part[0] == "uint8" and not length:
        return partial(_Bytes, "B"), np.asarray
    if part_kind is Nodetype.BASE and part[0] != "string":
        return partial(np.zeros, length, part[0]), partial(np.asarray, dtype=part[0])
    make_part, _ = _field((part_kind, part))
    return lambda: [make_part() for _ in range(length)], _same


def _same(value: Any) -> Any:
    return value
