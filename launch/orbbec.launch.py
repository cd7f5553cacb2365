"""The driver of an Orbbec Gemini 330 camera, with aligned depth, and the segmentation node."""

from __future__ import annotations

from launch import LaunchDescription

from instructsam_ros.ros.camera_launch import camera_launch_description


def generate_launch_description() -> LaunchDescription:
    """Describe the camera; its arguments are listed by --show-args of ros2 launch."""
    return camera_launch_description("orbbec")
