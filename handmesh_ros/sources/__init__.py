"""Where frames come from: a video, a folder of pictures, one picture or a camera. Without ROS."""

from handmesh_ros.sources.frames import Frame, FrameSource, LeftOut, RawMessage, SourceError, account, nothing_read
from handmesh_ros.sources.opening import open_source
from handmesh_ros.sources.pictures import PictureSource, read_picture

__all__ = [
    "Frame",
    "FrameSource",
    "LeftOut",
    "PictureSource",
    "RawMessage",
    "SourceError",
    "account",
    "nothing_read",
    "open_source",
    "read_picture",
]
