"""Messages to arrays and back, without rclpy: any object with a message's fields is accepted."""

from instructsam_ros.ros.conversions.camera_info import (
    info_from_intrinsics,
    intrinsics_from_info,
    principal_point_warning,
)
from instructsam_ros.ros.conversions.clouds import cloud_from_points, points_from_cloud
from instructsam_ros.ros.conversions.compressed import depth_from_compressed, rgb_from_compressed
from instructsam_ros.ros.conversions.images import depth_from_image, image_from_array, rgb_from_image
from instructsam_ros.ros.conversions.masks import mask_from_messages, mask_to_messages

__all__ = [
    "cloud_from_points",
    "depth_from_compressed",
    "depth_from_image",
    "image_from_array",
    "info_from_intrinsics",
    "intrinsics_from_info",
    "mask_from_messages",
    "mask_to_messages",
    "points_from_cloud",
    "principal_point_warning",
    "rgb_from_compressed",
    "rgb_from_image",
]
