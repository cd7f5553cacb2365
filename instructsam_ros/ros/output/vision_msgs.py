"""Results as vision_msgs, for programs that use these messages."""

from __future__ import annotations

from typing import Any

from instructsam_ros.ros.output.messages import box_messages, header_of
from instructsam_ros.ros.processor import FrameResult


def detections_2d(frame_result: FrameResult) -> Any:
    """Convert to vision_msgs/Detection2DArray, in pixels. Raises ImportError without vision_msgs."""
    from vision_msgs.msg import BoundingBox2D, Detection2D, Detection2DArray

    header = frame_result.messages.image.header
    detections = []
    for lifted in frame_result.result.lifted.instances:
        x0, y0, x1, y1 = (float(v) for v in lifted.instance.box)
        box = BoundingBox2D(size_x=x1 - x0, size_y=y1 - y0)
        box.center.position.x, box.center.position.y = (x0 + x1) / 2, (y0 + y1) / 2
        detections.append(
            Detection2D(header=header, results=[_hypothesis(lifted)], bbox=box, id=str(lifted.id))
        )
    return Detection2DArray(header=header, detections=detections)


def detections_3d(frame_result: FrameResult) -> Any:
    """Convert boxes to vision_msgs/Detection3DArray. Raises ImportError without vision_msgs."""
    from vision_msgs.msg import BoundingBox3D, Detection3D, Detection3DArray

    header = header_of(frame_result)
    detections = []
    for lifted in frame_result.result.lifted.instances:
        if lifted.box is not None:
            pose, size = box_messages(lifted, frame_result.pose)
            box = BoundingBox3D(center=pose, size=size)
            hypothesis = _hypothesis(lifted)
            hypothesis.pose.pose = pose
            detections.append(Detection3D(header=header, results=[hypothesis], bbox=box, id=str(lifted.id)))
    return Detection3DArray(header=header, detections=detections)


def _hypothesis(lifted: Any) -> Any:
    from vision_msgs.msg import ObjectHypothesisWithPose

    found = ObjectHypothesisWithPose()
    found.hypothesis.class_id = lifted.instance.phrase
    found.hypothesis.score = float(lifted.instance.score)
    return found
