"""The one chosen instance, in the forms that pose estimators and grasp networks take."""

from __future__ import annotations

from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped

from instructsam_ros.ros.conversions import cloud_from_points, image_from_array
from instructsam_ros.ros.output.messages import box_messages, header_of
from instructsam_ros.ros.processor import FrameResult


def target_mask(frame_result: FrameResult) -> Any:
    """Make an image of the size of the camera's, mono8, 255 on the target; all 0 where there is none."""
    target, size = frame_result.target, frame_result.result.frame.rgb.shape[:2]
    mask = (
        np.zeros(size, np.uint8) if target is None else target.instance.mask.astype(np.uint8) * np.uint8(255)
    )
    return image_from_array(mask, "mono8", frame_result.messages.image.header)


def target_points(frame_result: FrameResult) -> Any:
    """Make the cloud of the target, empty where there is none."""
    target = frame_result.target
    points = np.zeros((0, 3), np.float32) if target is None else frame_result.pose.apply(target.points)
    colors = np.zeros((0, 3), np.uint8) if target is None else target.colors
    return cloud_from_points(points, colors, header_of(frame_result))


def target_pose(frame_result: FrameResult) -> PoseStamped | None:
    """Make the pose of the target's box; None where there is no target or it has no points."""
    target = frame_result.target
    if target is None or target.box is None:
        return None
    return PoseStamped(header=header_of(frame_result), pose=box_messages(target, frame_result.pose)[0])
