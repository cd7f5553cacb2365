"""Boxes and labels for RViz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rclpy.duration import Duration
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from instructsam_ros.lifting import OrientedBox
from instructsam_ros.ros.output.messages import box_messages, header_of
from instructsam_ros.ros.processor import FrameResult
from instructsam_ros.visualization import color

LABEL_METRES = 0.03


def marker_array(frame_result: FrameResult) -> MarkerArray:
    """Make a box and a label above it for every instance with geometry, which replace all earlier markers.

    They vanish after the lifetime of the result, should this node end without a word.
    """
    header = header_of(frame_result)
    lifetime = Duration(seconds=frame_result.lifetime).to_msg()
    markers = [Marker(header=header, action=Marker.DELETEALL)]
    for lifted in frame_result.result.lifted.instances:
        if lifted.box is None:
            continue
        pose, size = box_messages(lifted, frame_result.pose)
        red, green, blue = (channel / 255 for channel in color(lifted.id))
        box = Marker(header=header, ns="boxes", id=lifted.id, type=Marker.CUBE, pose=pose, scale=size)
        box.color = ColorRGBA(r=red, g=green, b=blue, a=0.35)
        label = Marker(header=header, ns="labels", id=lifted.id, type=Marker.TEXT_VIEW_FACING)
        x, y, z = frame_result.pose.apply(_above(lifted.box))
        label.pose.position.x, label.pose.position.y, label.pose.position.z = float(x), float(y), float(z)
        label.scale.z = LABEL_METRES
        label.color = ColorRGBA(r=red, g=green, b=blue, a=1.0)
        label.text = f"{lifted.id} {lifted.instance.phrase} {lifted.instance.score:.2f}"
        box.lifetime = label.lifetime = lifetime
        markers += [box, label]
    return MarkerArray(markers=markers)


def _above(box: OrientedBox) -> NDArray[np.float64]:
    """Return the place of a label, [3] in the camera's frame: over the box, clear of it by its own height.

    Up is the normal of the plane on which the box rests, else the top of the image.
    """
    up = box.rotation[:, 2] if box.on_plane else np.array([0.0, -1.0, 0.0])
    reach = np.abs(box.rotation.T @ up) @ box.size / 2
    return np.asarray(box.centre + (reach + LABEL_METRES) * up)


def no_markers() -> MarkerArray:
    """Return a message that deletes all markers, for when no result will replace them."""
    return MarkerArray(markers=[Marker(action=Marker.DELETEALL)])
