"""sensor_msgs/PointCloud2 of coloured points."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError

_FIELDS = ("x", "y", "z", "rgb", "instance_id")


def cloud_from_points(
    points: NDArray[np.float32],
    colors: NDArray[np.uint8],
    header: Any,
    instance_ids: NDArray[np.uint32] | None = None,
) -> Any:
    """PointCloud2 with float32 x y z (metres), rgb packed as PCL and RViz read it, and uint32 instance_id.

    points: [N, 3]. colors: [N, 3] RGB. instance_ids: [N], or None for a cloud without that field.
    """
    from sensor_msgs.msg import PointCloud2, PointField

    names = _FIELDS if instance_ids is not None else _FIELDS[:4]
    layout = np.dtype([(name, "u4" if name in ("rgb", "instance_id") else "f4") for name in names])
    cloud = np.empty(len(points), layout)
    for axis, name in enumerate("xyz"):
        cloud[name] = points[:, axis]
    red, green, blue = (colors[:, channel].astype(np.uint32) for channel in range(3))
    cloud["rgb"] = red << 16 | green << 8 | blue
    if instance_ids is not None:
        cloud["instance_id"] = instance_ids
    message = PointCloud2(
        header=header,
        height=1,
        width=len(points),
        point_step=layout.itemsize,
        row_step=layout.itemsize * len(points),
        is_bigendian=sys.byteorder == "big",
        is_dense=True,
    )
    # By convention rgb is declared float32 although its four bytes are a packed integer.
    message.fields = [
        PointField(
            name=name,
            offset=4 * index,
            count=1,
            datatype=PointField.UINT32 if name == "instance_id" else PointField.FLOAT32,
        )
        for index, name in enumerate(names)
    ]
    message.data = cloud.tobytes()
    return message


def points_from_cloud(
    message: Any,
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.uint32] | None]:
    """Read points [N, 3] in metres, colors [N, 3] RGB and instance ids [N] (or None) of such a cloud.

    Raises InvalidInputError when x, y, z or rgb is missing.
    """
    offsets = {field.name: field.offset for field in message.fields}
    if missing := [name for name in _FIELDS[:4] if name not in offsets]:
        raise InvalidInputError(f"the cloud has no field {', '.join(missing)}")
    order = ">" if message.is_bigendian else "<"
    names = [name for name in _FIELDS if name in offsets]
    layout = np.dtype(
        {
            "names": names,
            "formats": [order + ("u4" if name in ("rgb", "instance_id") else "f4") for name in names],
            "offsets": [offsets[name] for name in names],
            "itemsize": message.point_step,
        }
    )
    cloud = np.frombuffer(message.data, layout)
    points = np.stack([cloud[axis] for axis in "xyz"], 1).astype(np.float32)
    colors = np.stack([cloud["rgb"] >> shift & 255 for shift in (16, 8, 0)], 1).astype(np.uint8)
    ids = cloud["instance_id"].astype(np.uint32) if "instance_id" in names else None
    return points, colors, ids
