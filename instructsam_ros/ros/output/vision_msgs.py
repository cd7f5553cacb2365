"""Twins of the answer as vision_msgs, for programs that already speak it."""

from __future__ import annotations

from typing import Any

from instructsam_ros.ros.output.messages import box_messages, header_of
from instructsam_ros.ros.processor import Answer


def detections_2d(answer: Answer) -> Any:
    """vision_msgs/Detection2DArray in pixels of the image. Raises ImportError without vision_msgs."""
    from vision_msgs.msg import BoundingBox2D, Detection2D, Detection2DArray

    header = answer.camera.image.header
    detections = []
    for lifted in answer.result.lifted.instances:
        x0, y0, x1, y1 = (float(v) for v in lifted.instance.box)
        box = BoundingBox2D(size_x=x1 - x0, size_y=y1 - y0)
        box.center.position.x, box.center.position.y = (x0 + x1) / 2, (y0 + y1) / 2
        detections.append(
            Detection2D(header=header, results=[_hypothesis(lifted)], bbox=box, id=str(lifted.id))
        )
    return Detection2DArray(header=header, detections=detections)


def detections_3d(answer: Answer) -> Any:
    """vision_msgs/Detection3DArray of the instances with geometry. Raises ImportError without vision_msgs."""
    from vision_msgs.msg import BoundingBox3D, Detection3D, Detection3DArray

    header = header_of(answer)
    detections = []
    for lifted in answer.result.lifted.instances:
        if lifted.box is not None:
            pose, size = box_messages(lifted, answer.pose)
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
