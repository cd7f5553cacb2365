"""Output topics; messages that are costly to make are made only for subscribers."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from sensor_msgs.msg import Image, PointCloud2
from visualization_msgs.msg import MarkerArray

from instructsam_ros.lifting import project
from instructsam_ros.lifting.instance_cloud import STAGES, instance_cloud
from instructsam_ros.msg import InstanceArray
from instructsam_ros.ros.conversions import cloud_from_points, image_from_array
from instructsam_ros.ros.output import vision_msgs
from instructsam_ros.ros.output.fused import FusedPoints
from instructsam_ros.ros.output.markers import marker_array, no_markers
from instructsam_ros.ros.output.messages import header_of, instance_array
from instructsam_ros.ros.output.target import target_mask, target_points, target_pose
from instructsam_ros.ros.processor import FrameResult
from instructsam_ros.ros.qos import OUTPUT
from instructsam_ros.visualization import label_image, overlay


class Publishers:
    """Publishers of results, until ``destroy``."""

    def __init__(self, node: Node) -> None:
        self._node = node
        # The node's own group remembers all that were ever in it.
        create = partial(node.create_publisher, callback_group=MutuallyExclusiveCallbackGroup())
        self._instances = create(InstanceArray, "~/instances", OUTPUT)
        self._named = create(InstanceArray, "~/named_instances", OUTPUT)
        self._markers = create(MarkerArray, "~/markers", OUTPUT)
        makers: dict[str, tuple[Any, Callable[[FrameResult], Any]]] = {
            "~/points": (PointCloud2, points_message),
            "~/scene_points": (PointCloud2, scene_message),
            "~/label_image": (Image, label_message),
            "~/overlay": (Image, overlay_message),
            "~/fused_points": (PointCloud2, FusedPoints()),
            "~/target/mask": (Image, target_mask),
            "~/target/points": (PointCloud2, target_points),
            "~/target/pose": (PoseStamped, target_pose),
        }
        for stage in STAGES:
            makers[f"~/debug/points_{stage}"] = (PointCloud2, partial(stage_message, stage))
        if importlib.util.find_spec("vision_msgs") is not None:
            from vision_msgs.msg import Detection2DArray, Detection3DArray

            makers["~/detections_2d"] = (Detection2DArray, vision_msgs.detections_2d)
            makers["~/detections_3d"] = (Detection3DArray, vision_msgs.detections_3d)
        self._costly = [(create(kind, topic, OUTPUT), make) for topic, (kind, make) in makers.items()]
        self._costly.append((self._markers, marker_array))

    def publish(self, frame_result: FrameResult) -> None:
        """Publish a result on every topic with subscribers, and always on ~/instances.

        That of a named instruction goes on ~/named_instances alone.
        """
        if frame_result.name:
            if self._named.get_subscription_count():
                self._named.publish(instance_array(frame_result))
            return
        self._instances.publish(instance_array(frame_result))
        for publisher, make in self._costly:
            if publisher.get_subscription_count() and (message := make(frame_result)) is not None:
                publisher.publish(message)

    def clear(self) -> None:
        """Delete all markers: RViz keeps them until they are replaced."""
        self._markers.publish(no_markers())

    def destroy(self) -> None:
        """Take the topics down."""
        for publisher in (self._instances, self._named, *(publisher for publisher, _ in self._costly)):
            self._node.destroy_publisher(publisher)


def points_message(frame_result: FrameResult) -> Any:
    """Make one cloud of all instances; a pixel has at most one point, with its id in the label image."""
    result = frame_result.result
    instances, intrinsics = result.lifted.instances, result.frame.intrinsics
    numbers = np.arange(1, len(instances) + 1)
    points = np.concatenate([np.zeros((0, 3), np.float32), *(i.points for i in instances)])
    colors = np.concatenate([np.zeros((0, 3), np.uint8), *(i.colors for i in instances)])
    owners = np.repeat(numbers, [len(i.points) for i in instances])
    if intrinsics is not None and len(points):
        labels = label_image(result.segmentation.instances, numbers.tolist(), result.frame.rgb.shape[:2])
        columns, rows = np.rint(project(points, intrinsics)).astype(int).T
        own = labels[rows, columns] == owners
        points, colors, owners = points[own], colors[own], owners[own]
    ids = np.array(result.ids, np.uint32)[owners - 1]
    return cloud_from_points(frame_result.pose.apply(points), colors, header_of(frame_result), ids)


def stage_message(stage: str, frame_result: FrameResult) -> Any:
    """Make a cloud of what one of STAGES of the lifting leaves of all instances, computed for this alone."""
    result = frame_result.result
    frame, settings = result.frame, frame_result.pipeline.lift_settings
    clouds = [instance_cloud(frame, each, settings, stage) for each in result.segmentation.instances]
    points = np.concatenate([np.zeros((0, 3), np.float32), *(cloud.points for cloud in clouds)])
    pixels = np.concatenate([np.zeros(0, np.intp), *(cloud.pixels for cloud in clouds)])
    ids = np.repeat(np.array(result.ids, np.uint32), [len(cloud.points) for cloud in clouds])
    colors = frame.rgb.reshape(-1, 3)[pixels]
    return cloud_from_points(frame_result.pose.apply(points), colors, header_of(frame_result), ids)


def scene_message(frame_result: FrameResult) -> Any:
    """Make a cloud of the scene without instances; None without readings, since no points would mean free."""
    points, colors = frame_result.pipeline.scene_points(frame_result.result)
    if not len(points):
        return None
    return cloud_from_points(frame_result.pose.apply(points), colors, header_of(frame_result))


def label_message(frame_result: FrameResult) -> Any:
    """Make an image of ids per pixel, 16UC1."""
    result = frame_result.result
    labels = label_image(result.segmentation.instances, result.ids, result.frame.rgb.shape[:2])
    return image_from_array(labels, "16UC1", frame_result.messages.image.header)


def overlay_message(frame_result: FrameResult) -> Any:
    """Draw masks and labels into the image."""
    result = frame_result.result
    picture = overlay(result.frame.rgb, result.segmentation.instances, result.ids)
    return image_from_array(picture, "rgb8", frame_result.messages.image.header)
