"""Boxes and labels for RViz."""

from __future__ import annotations

from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from instructsam_ros.ros.output.messages import box_messages, header_of
from instructsam_ros.ros.processor import FrameResult
from instructsam_ros.visualization import color

LABEL_METRES = 0.03


def marker_array(frame_result: FrameResult) -> MarkerArray:
    """Make a box and a label for every instance with geometry, which replace all earlier markers."""
    header = header_of(frame_result)
    markers = [Marker(header=header, action=Marker.DELETEALL)]
    for lifted in frame_result.result.lifted.instances:
        if lifted.box is None:
            continue
        pose, size = box_messages(lifted, frame_result.pose)
        red, green, blue = (channel / 255 for channel in color(lifted.id))
        box = Marker(header=header, ns="boxes", id=lifted.id, type=Marker.CUBE, pose=pose, scale=size)
        box.color = ColorRGBA(r=red, g=green, b=blue, a=0.35)
        label = Marker(header=header, ns="labels", id=lifted.id, type=Marker.TEXT_VIEW_FACING)
        label.pose.position.x, label.pose.position.y = pose.position.x, pose.position.y
        label.pose.position.z = pose.position.z
        label.scale.z = LABEL_METRES
        label.color = ColorRGBA(r=red, g=green, b=blue, a=1.0)
        label.text = f"{lifted.id} {lifted.instance.phrase} {lifted.instance.score:.2f}"
        markers += [box, label]
    return MarkerArray(markers=markers)


def no_markers() -> MarkerArray:
    """Return a message that deletes all markers, for when no result will replace them."""
    return MarkerArray(markers=[Marker(action=Marker.DELETEALL)])
