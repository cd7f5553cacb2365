"""An InstanceArray message back into the values that pictures, tables and files are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from instructsam_ros.lifting import LiftedInstance, LiftedScene, OrientedBox
from instructsam_ros.pipeline import Result
from instructsam_ros.types import Frame, Instance, Segmentation, Status


def result_of(message: Any, rgb: NDArray[np.uint8]) -> Result:
    """The result that an ``instructsam_ros/InstanceArray`` holds, for the image it was made from.

    rgb: uint8 [H, W, 3].
    """
    timings = {timing.stage: float(timing.seconds) for timing in message.timings}
    lifted = tuple(_lifted(instance, rgb.shape[:2]) for instance in message.instances)
    segmentation = Segmentation(
        tuple(item.instance for item in lifted), message.answer, Status(message.status), timings
    )
    frame = Frame(rgb, frame_id=message.header.frame_id)
    return Result(frame, message.instruction, segmentation, LiftedScene(lifted, None), timings)


def _lifted(message: Any, size: tuple[int, int]) -> LiftedInstance:
    flags = int(message.flags)
    points, colors = read_cloud(message.points)
    edges = np.array([message.size.x, message.size.y, message.size.z])
    turn, position = message.pose.orientation, message.pose.position
    box = None
    if len(points):
        box = OrientedBox(
            centre=np.array([position.x, position.y, position.z]),
            rotation=Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]).as_matrix(),
            size=edges,
            on_plane=bool(flags & message.FLAG_GRAVITY_ALIGNED),
        )
    region = message.box
    x0, y0, x1, y1 = (
        region.x_offset,
        region.y_offset,
        region.x_offset + region.width,
        region.y_offset + region.height,
    )
    mask = np.zeros(size, bool)
    crop = np.frombuffer(message.mask.data, np.uint8).reshape(message.mask.height, message.mask.step)
    mask[y0:y1, x0:x1] = crop[:, : message.mask.width] > 0
    instance = Instance(mask, np.array([x0, y0, x1, y1], np.float32), float(message.score), message.phrase)
    return LiftedInstance(
        instance=instance,
        id=int(message.id),
        points=points,
        colors=colors,
        centroid=np.array([message.centroid.x, message.centroid.y, message.centroid.z]),
        box=box,
        valid_depth_ratio=float(message.valid_depth_ratio),
        truncated=bool(flags & message.FLAG_TRUNCATED),
        low_depth=bool(flags & message.FLAG_LOW_DEPTH),
        no_depth=bool(flags & message.FLAG_NO_DEPTH),
    )


def read_cloud(message: Any) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Points float32 [N, 3] in metres and colors uint8 [N, 3] RGB of a PointCloud2 with x y z rgb."""
    offsets = {field.name: field.offset for field in message.fields}
    if not offsets:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8)
    order = ">" if message.is_bigendian else "<"
    layout = np.dtype(
        {
            "names": ["x", "y", "z", "rgb"],
            "formats": [f"{order}f4"] * 3 + [f"{order}u4"],
            "offsets": [offsets[name] for name in ("x", "y", "z", "rgb")],
            "itemsize": message.point_step,
        }
    )
    cloud = np.frombuffer(message.data, layout)
    points = np.stack([cloud[axis] for axis in "xyz"], axis=1).astype(np.float32)
    packed = cloud["rgb"].astype(np.uint32)
    colors = np.stack([packed >> shift & 255 for shift in (16, 8, 0)], axis=1).astype(np.uint8)
    return points, colors
