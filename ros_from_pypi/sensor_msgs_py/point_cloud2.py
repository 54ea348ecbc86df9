"""PointCloud2 from arrays and back: the API of ROS's sensor_msgs_py.point_cloud2, the part that this project calls.

Not here: organised clouds given as lists, counts above one, big-endian data, NaN skipping.
"""

from __future__ import annotations

import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

_TYPES = {
    PointField.INT8: np.int8,
    PointField.UINT8: np.uint8,
    PointField.INT16: np.int16,
    PointField.UINT16: np.uint16,
    PointField.INT32: np.int32,
    PointField.UINT32: np.uint32,
    PointField.FLOAT32: np.float32,
    PointField.FLOAT64: np.float64,
}


def dtype_from_fields(fields: Iterable[PointField], point_step: int | None = None) -> np.dtype:
    """The structured dtype of one point; `point_step` bytes apart."""
    fields = list(fields)
    layout: dict[str, Any] = {
        "names": [field.name for field in fields],
        "formats": [_TYPES[field.datatype] for field in fields],
        "offsets": [field.offset for field in fields],
    }
    if point_step is not None:
        layout["itemsize"] = point_step
    return np.dtype(layout)  # type: ignore[call-overload,no-any-return]


def create_cloud(header: Header, fields: Sequence[PointField], points: NDArray | Iterable) -> PointCloud2:
    """A cloud of N points from a structured array (N,), a plain array (N, number of fields) or a list of tuples."""
    dtype = dtype_from_fields(fields)
    if not (isinstance(points, np.ndarray) and points.dtype.names):
        rows = np.asarray(points if isinstance(points, np.ndarray) else list(points)).reshape(-1, len(fields))
        structured = np.empty(len(rows), dtype)
        for column, name in enumerate(dtype.names or ()):
            structured[name] = rows[:, column]
        points = structured
    elif points.dtype != dtype:
        raise AssertionError(f"the points' dtype {points.dtype} is not that of the fields, {dtype}")
    return PointCloud2(
        header=header,
        height=1,
        width=len(points),
        is_dense=False,
        is_bigendian=False,
        fields=list(fields),
        point_step=dtype.itemsize,
        row_step=dtype.itemsize * len(points),
        data=array.array("B", np.ascontiguousarray(points).tobytes()),
    )


def create_cloud_xyz32(header: Header, points: NDArray | Iterable) -> PointCloud2:
    """A cloud with the float32 fields x, y, z from points (N, 3)."""
    fields = [PointField(name=name, offset=4 * index, datatype=PointField.FLOAT32, count=1) for index, name in enumerate("xyz")]
    return create_cloud(header, fields, points)


def read_points(cloud: PointCloud2, field_names: list[str] | None = None) -> NDArray:
    """The points as a structured array (N,), all fields or those named."""
    points = np.frombuffer(bytes(cloud.data), dtype_from_fields(cloud.fields, cloud.point_step))
    return points[field_names] if field_names else points
