"""handmesh_ros: one ordinary camera in, a stable metric hand out."""

import os
from pkgutil import extend_path

# ONNX Runtime since 1.29 sends its maker a device's id, processor and paths, unless this is set before its import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# OpenCV reads this with its import and then refuses larger pictures by their header; without, it takes whatever memory a header claims
# (limits.py says why 67 million).
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 26))

# The ROS build installs the generated messages as handmesh_ros.msg; a source checkout on the path must not hide them.
__path__ = extend_path(__path__, __name__)
