"""Clouds of the tracked instances, fused over the frames of a stream."""

from __future__ import annotations

from typing import Any

import numpy as np
from std_msgs.msg import Header

from instructsam_ros.lifting.fusion import Fusion
from instructsam_ros.ros.conversions import cloud_from_points
from instructsam_ros.ros.processor import FrameResult


class FusedPoints:
    """Maker of ~/fused_points; begins anew with another instruction, fixed frame or size of voxels."""

    def __init__(self) -> None:
        self._of: tuple[str, str, float] | None = None
        self._fusion: Fusion | None = None

    def __call__(self, frame_result: FrameResult) -> Any:
        """Add a result, and make one cloud of all views in the fixed frame, with the id of every point.

        None where fusion is off (a voxel of 0) or the pose of the camera in a fixed frame is not known.
        """
        view, result = frame_result.view, frame_result.result
        if view is None or not frame_result.fusion_voxel > 0:
            self._of = self._fusion = None
            return None
        what = (result.instruction, view.fixed_frame, frame_result.fusion_voxel)
        if self._fusion is None or self._of != what:
            self._of, self._fusion = what, Fusion(frame_result.fusion_voxel)
        for lifted in result.lifted.instances:
            if len(lifted.points) and not lifted.low_depth:
                self._fusion.add(lifted.id, view.pose.apply(lifted.points), lifted.colors)
        clouds = self._fusion.clouds()
        points = np.concatenate([np.zeros((0, 3), np.float32), *(points for points, _ in clouds.values())])
        colors = np.concatenate([np.zeros((0, 3), np.uint8), *(colors for _, colors in clouds.values())])
        ids = np.repeat(
            np.array(list(clouds), np.uint32), [len(points) for points, _ in clouds.values()]
        ).astype(np.uint32)
        header = Header(stamp=frame_result.messages.image.header.stamp, frame_id=view.fixed_frame)
        return cloud_from_points(points, colors, header, ids)
