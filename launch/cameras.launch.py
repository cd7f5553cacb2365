"""Several cameras, each with its driver and a segmentation node in a namespace of its own."""

from __future__ import annotations

from launch import LaunchDescription

from instructsam_ros.ros.camera_launch import several_cameras_description


def generate_launch_description() -> LaunchDescription:
    """Describe the cameras of the argument, such as cameras:='{wrist: realsense, table: oak}'."""
    return several_cameras_description()
