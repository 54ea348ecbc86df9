"""handmesh_ros: one ordinary camera in, a stable metric hand out."""

from pkgutil import extend_path

# The ROS build installs the generated messages as handmesh_ros.msg; a source checkout on the path must not hide them.
__path__ = extend_path(__path__, __name__)
