"""What ROS messages consist of, without ROS: common interfaces as rosbags brings them, ours from ``msg/*.msg``."""

from __future__ import annotations

from functools import lru_cache

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from handmesh_ros.files import required_file

OUR_MESSAGES = ("Hand", "HandArray", "HandMesh", "HandMeshFaces", "Grasp")


@lru_cache(maxsize=1)
def type_store() -> Typestore:
    """All definitions, read once.

    Raises:
        MissingFileError: a file of ours is not installed.
    """
    # The oldest release that this package runs on: what we send has been the same in all of them since.
    store = get_typestore(Stores.ROS2_HUMBLE)
    for name in OUR_MESSAGES:
        text = required_file(f"msg/{name}.msg").read_text(encoding="utf-8")
        store.register(get_types_from_msg(text, f"handmesh_ros/msg/{name}"))
    return store


def schema_text(type_name: str) -> str:
    """The definition of a message such as ``sensor_msgs/msg/Image`` with those of its parts, as recordings hold it ("ros2msg")."""
    text: str = type_store().generate_msgdef(type_name, ros_version=2)[0]
    return text
