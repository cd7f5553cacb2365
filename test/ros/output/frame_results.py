"""Results of frames with given instances, without a node."""

from __future__ import annotations

import numpy as np
from std_msgs.msg import Header

from instructsam_ros.lifting import LiftSettings
from instructsam_ros.pipeline import Pipeline, Result
from instructsam_ros.ros.conversions import image_from_array
from instructsam_ros.ros.input.frame_buffer import FrameMessages
from instructsam_ros.ros.processor import FrameResult
from instructsam_ros.types import (
    IDENTITY,
    CameraModel,
    Frame,
    Instance,
    Pose,
    Segmentation,
    Status,
    tight_box,
)

HEIGHT, WIDTH = 24, 32
TURNED = Pose(np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]), np.array([1.0, 2.0, 3.0]))
"""Of a camera that looks along x of the target frame."""
FLAT = np.full((HEIGHT, WIDTH), 0.8, np.float32)


def block(rows: slice = slice(4, 20), columns: slice = slice(4, 20)) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[rows, columns] = True
    return mask


class Given:
    """A segmenter with a given result."""

    name = "given"

    def __init__(self, instances) -> None:
        self._answer = Segmentation(tuple(instances), "", Status.OK)

    def encode(self, rgb):
        return rgb

    def segment(self, features, instruction, *, previous=None, cancel=None):
        return self._answer


def frame_result(depth, masks=(), scores=(), lens=("", ()), pose=IDENTITY) -> FrameResult:
    """Run the pipeline; the red channel of the image is the row of a pixel, the green one its column."""
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rgb[..., 0], rgb[..., 1] = np.indices((HEIGHT, WIDTH))
    intrinsics = CameraModel(WIDTH, HEIGHT, 30.0, 31.0, 15.5, 11.5, *lens)
    instances = [Instance(m, tight_box(m), s, "mug") for m, s in zip(masks, scores, strict=True)]
    pipeline = Pipeline(Given(instances), LiftSettings(rim_px=0))
    result: Result = pipeline.run(Frame(rgb, depth, intrinsics, frame_id="camera"), "mug")
    messages = FrameMessages(image_from_array(rgb, "rgb8", Header(frame_id="camera")), None, None, 0.0)
    return FrameResult(result, pose, "camera", messages, pipeline, lifetime=2.5)
