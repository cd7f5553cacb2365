"""Processing of one frame: decode, segment, lift, transform."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import LiftedScene, LiftSettings, RefinementSettings
from instructsam_ros.pipeline import Pipeline, Result
from instructsam_ros.ros.conversions import (
    depth_from_compressed,
    depth_from_image,
    intrinsics_from_info,
    rgb_from_compressed,
    rgb_from_image,
)
from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.input.frame_buffer import FrameMessages, frame_id_warning
from instructsam_ros.ros.input.job_queue import Job
from instructsam_ros.ros.input.synchronizer import stamp_ns
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.ros.transforms import IDENTITY, Pose, Transforms
from instructsam_ros.segmenter import Segmenter
from instructsam_ros.tracking.tracker import Tracker
from instructsam_ros.types import Frame, Segmentation, Status

REMEMBERED = 64
"""Number of distinct warnings that are not repeated."""


@dataclass(frozen=True)
class FrameResult:
    """A result in the camera's frame, and ``pose`` of the camera in ``frame_id``, the frame of the output."""

    result: Result
    pose: Pose
    frame_id: str
    messages: FrameMessages
    pipeline: Pipeline


class Processor:
    """Runner of jobs, one after the other, with the state of the stream: ids and the last result.

    warn: called once per kind of inconsistency in frames that can still be used.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        settings: Callable[[], NodeSettings],
        transforms: Transforms,
        counters: Counters,
        warn: Callable[[str], None],
    ) -> None:
        self._segmenter = segmenter
        self._settings = settings
        self._transforms = transforms
        self._counters = counters
        self._warn_once = lru_cache(REMEMBERED)(warn)
        self._tracker = Tracker()
        self._previous: tuple[str, Segmentation] | None = None

    def run(self, job: Job, cancel: Callable[[], bool]) -> FrameResult:
        """Return a job's result. Raises InvalidInputError, CancelledError, TransformError and the model's."""
        if job.messages is None:
            raise InvalidInputError("there is no frame to segment")
        settings = self._settings()
        frame = frame_from_messages(job.messages, settings)
        if warning := frame_id_warning(job.messages):
            self._warn_once(warning)
        if frame.depth is None or frame.intrinsics is None:
            self._counters.add("without_depth")
        streaming = job.request is None
        lift_settings = LiftSettings(min_depth=settings.min_depth, max_depth=settings.max_depth)
        refinement = RefinementSettings() if settings.refine_with_depth else None
        pipeline = Pipeline(self._segmenter, lift_settings, self._tracker if streaming else None, refinement)
        target = (job.request.target_frame if job.request else "") or settings.target_frame
        pose = self._camera_in(target, frame, settings)  # before the model runs in vain
        up_direction = None
        if settings.up_frame:  # z of that frame, in the camera's
            up_direction = self._camera_in(settings.up_frame, frame, settings).rotation[2]
        result = pipeline.run(
            frame,
            job.instruction,
            up_direction=up_direction,
            previous=self._last(job.instruction, frame) if streaming else None,
            cancel=cancel,
            on_stage=job.request.on_stage if job.request else None,
        )
        if streaming:
            self._previous = (job.instruction, result.segmentation)
        kept = keep_scores(result, settings.score_threshold)
        return FrameResult(kept, pose, target or frame.frame_id, job.messages, pipeline)

    def _camera_in(self, target: str, frame: Frame, settings: NodeSettings) -> Pose:
        """Look up the pose of the camera in a tf frame, its own if none is named. Raises TransformError."""
        if target in ("", frame.frame_id):
            return IDENTITY
        return self._transforms.look_up(target, frame.frame_id, frame.stamp_ns, settings.transform_timeout)

    def _last(self, instruction: str, frame: Frame) -> Segmentation | None:
        if self._previous is None or self._previous[0] != instruction:
            return None
        previous = self._previous[1]
        size = frame.rgb.shape[:2]
        return previous if all(i.mask.shape == size for i in previous.instances) else None


def frame_from_messages(messages: FrameMessages, settings: NodeSettings) -> Frame:
    """Decode one frame; without depth or camera_info it is 2D. Raises InvalidInputError."""
    image, depth = messages.image, messages.depth
    read_rgb = rgb_from_compressed if hasattr(image, "format") else rgb_from_image
    metres = None
    if depth is not None:
        metres = (depth_from_compressed if hasattr(depth, "format") else depth_from_image)(depth)
    return Frame(
        rgb=read_rgb(image),
        depth=metres,
        intrinsics=None
        if messages.info is None
        else intrinsics_from_info(messages.info, rectified=settings.rectified),
        stamp_ns=stamp_ns(image),
        frame_id=image.header.frame_id,
    )


def keep_scores(result: Result, threshold: float) -> Result:
    """Return the result with the instances that score at least ``threshold``."""
    kept = [i for i in result.lifted.instances if i.instance.score >= threshold]
    if len(kept) == len(result.lifted.instances):
        return result
    status = result.segmentation.status if kept else Status.NO_TARGET
    segmentation = dataclasses.replace(
        result.segmentation, instances=tuple(i.instance for i in kept), status=status
    )
    lifted = LiftedScene(tuple(kept), result.lifted.plane)
    return dataclasses.replace(result, segmentation=segmentation, lifted=lifted)


def age(messages: FrameMessages) -> float:
    """Return the seconds since the image arrived."""
    return time.monotonic() - messages.received
