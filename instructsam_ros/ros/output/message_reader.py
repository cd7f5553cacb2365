"""Conversion of InstanceArray messages back to results, for pictures, tables and files."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.lifting import LiftedInstance, LiftedScene, OrientedBox
from instructsam_ros.lifting.rotation import rotation_matrix
from instructsam_ros.pipeline import Result
from instructsam_ros.ros.conversions import mask_from_messages, points_from_cloud
from instructsam_ros.ros.output.geometry import plane_of
from instructsam_ros.types import Frame, Instance, PhraseAnswer, Segmentation, Status


def result_of(message: Any, rgb: NDArray[np.uint8]) -> Result:
    """Read the result in an ``instructsam_ros/InstanceArray``, for the image that it belongs to.

    rgb: uint8 [H, W, 3].
    """
    timings = {timing.stage: float(timing.seconds) for timing in message.timings}
    lifted = tuple(_lifted(instance, rgb.shape[:2]) for instance in message.instances)
    segmentation = Segmentation(
        tuple(item.instance for item in lifted),
        message.answer,
        Status(message.status),
        timings,
        tuple(PhraseAnswer(phrase.text, Status(phrase.status)) for phrase in message.phrases),
    )
    frame = Frame(rgb, frame_id=message.header.frame_id)
    return Result(
        frame, message.instruction, segmentation, LiftedScene(lifted, plane_of(message.plane)), timings
    )


def _lifted(message: Any, size: tuple[int, int]) -> LiftedInstance:
    flags = int(message.flags)
    points, colors = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8)
    if message.points.width:
        points, colors, _ = points_from_cloud(message.points)
    x0, y0 = message.box.x_offset, message.box.y_offset
    box = np.array([x0, y0, x0 + message.box.width, y0 + message.box.height], np.float32)
    mask = mask_from_messages(message.box, message.mask, size)
    return LiftedInstance(
        instance=Instance(mask, box, float(message.score), message.phrase),
        id=int(message.id),
        points=points,
        colors=colors,
        centroid=_vector(message.centroid),
        box=_oriented_box(message) if len(points) else None,
        valid_depth_ratio=float(message.valid_depth_ratio),
        truncated=bool(flags & message.FLAG_TRUNCATED),
        low_depth=bool(flags & message.FLAG_LOW_DEPTH),
        no_depth=bool(flags & message.FLAG_NO_DEPTH),
    )


def _oriented_box(message: Any) -> OrientedBox:
    turn = message.pose.orientation
    return OrientedBox(
        centre=_vector(message.pose.position),
        rotation=rotation_matrix([turn.x, turn.y, turn.z, turn.w]),
        size=_vector(message.size),
        on_plane=bool(message.flags & message.FLAG_GRAVITY_ALIGNED),
    )


def _vector(message: Any) -> NDArray[np.float64]:
    return np.array([message.x, message.y, message.z])
