"""Results as instructsam_ros/InstanceArray."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import Point, Vector3
from geometry_msgs.msg import Pose as PoseMessage
from std_msgs.msg import Header

from instructsam_ros.lifting import LiftedInstance
from instructsam_ros.msg import Instance, InstanceArray, Phrase, Timing
from instructsam_ros.ros.conversions import cloud_from_points, mask_to_messages
from instructsam_ros.ros.input.frame_buffer import other_frames
from instructsam_ros.ros.output.geometry import grasp_message, plane_message, pose_message, xyz
from instructsam_ros.ros.processor import FrameResult
from instructsam_ros.types import Pose


def header_of(frame_result: FrameResult) -> Header:
    """Return the stamp of the image and the frame of the geometry."""
    return Header(stamp=frame_result.messages.image.header.stamp, frame_id=frame_result.frame_id)


def instance_array(frame_result: FrameResult) -> InstanceArray:
    """Return the whole result as a message."""
    result = frame_result.result
    header = header_of(frame_result)
    height, width = result.frame.rgb.shape[:2]
    return InstanceArray(
        header=header,
        image_height=height,
        image_width=width,
        name=frame_result.name,
        instruction=result.instruction,
        answer=result.segmentation.answer,
        status=int(result.segmentation.status),
        phrases=[
            Phrase(text=phrase.text, status=int(phrase.status))
            for phrase in result.segmentation.phrase_answers()
        ],
        plane=plane_message(result, frame_result.pose),
        timings=[Timing(stage=stage, seconds=seconds) for stage, seconds in result.timings.items()],
        instances=[_instance(lifted, frame_result, header) for lifted in result.lifted.instances],
    )


def _instance(lifted: LiftedInstance, frame_result: FrameResult, header: Header) -> Instance:
    pose, image_header = frame_result.pose, frame_result.messages.image.header
    region, mask = mask_to_messages(lifted.instance, image_header)
    message = Instance(
        id=lifted.id,
        phrase=lifted.instance.phrase,
        score=float(lifted.instance.score),
        box=region,
        mask=mask,
        points=cloud_from_points(pose.apply(lifted.points), lifted.colors, header),
        centroid=Point(**xyz(pose.apply(lifted.centroid))),
        pose=PoseMessage(position=Point(**xyz(np.full(3, np.nan)))),
        valid_depth_ratio=float(lifted.valid_depth_ratio),
        grasp=grasp_message(frame_result.result, lifted, pose),
        flags=flags_of(lifted, other_frame=bool(other_frames(frame_result.messages))),
    )
    if lifted.box is not None:
        message.pose, message.size = box_messages(lifted, pose)
    return message


def flags_of(lifted: LiftedInstance, *, other_frame: bool = False) -> int:
    """Return the FLAG_* bits of an instance; other_frame: of a frame whose parts name several frames."""
    flags = {
        Instance.FLAG_TRUNCATED: lifted.truncated,
        Instance.FLAG_LOW_DEPTH: lifted.low_depth,
        Instance.FLAG_NO_DEPTH: lifted.no_depth,
        Instance.FLAG_GRAVITY_ALIGNED: lifted.gravity_aligned,
        Instance.FLAG_OTHER_FRAME: other_frame,
    }
    return sum(bit for bit, is_set in flags.items() if is_set)


def box_messages(lifted: LiftedInstance, pose: Pose) -> tuple[PoseMessage, Vector3]:
    """Return pose and edge lengths of an instance's box. Raises ValueError if it has none."""
    box = lifted.box
    if box is None:
        raise ValueError("the instance has no box")
    placed = Pose(pose.rotation @ box.rotation, pose.apply(box.centre))
    return pose_message(placed), Vector3(**xyz(box.size))
