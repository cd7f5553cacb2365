"""Processing of one frame: decode, segment, lift, transform."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import LiftedScene, LiftSettings, RefinementSettings
from instructsam_ros.pipeline import Pipeline, Result
from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.input.frame_buffer import FrameMessages
from instructsam_ros.ros.input.frame_decoder import DecodedFrame, decode_frame, grey_warning
from instructsam_ros.ros.input.job_queue import Job
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.ros.stage_times import StageTimes
from instructsam_ros.ros.transforms import Transforms
from instructsam_ros.segmenter import Segmenter
from instructsam_ros.tracking.tracker import Tracker
from instructsam_ros.types import IDENTITY, Frame, Pose, Segmentation, Status

REMEMBERED = 64
"""Number of distinct warnings that are not repeated in the log."""


@dataclass(frozen=True)
class FrameResult:
    """A result in the camera's frame, and ``pose`` of the camera in ``frame_id``, the frame of the output.

    lifetime: seconds after which it says nothing about the scene any more.
    """

    result: Result
    pose: Pose
    frame_id: str
    messages: FrameMessages
    pipeline: Pipeline
    lifetime: float


class Processor:
    """Runner of jobs, one after the other, with the state of the stream: ids and the last result.

    warn: called once per kind of inconsistency in frames that can still be used. warnings: those of the last
    frame. outside_limits: see DecodedFrame, of the last frame. times: of the
    frames of the stream.
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
        self._warn = warn
        self.times = StageTimes()
        self._warned: set[str] = set()
        self.warnings: tuple[str, ...] = ()
        self.outside_limits: float | None = None
        self._tracker = Tracker()
        self._previous: tuple[str, Segmentation] | None = None

    def run(self, job: Job, cancel: Callable[[], bool]) -> FrameResult:
        """Return a job's result. Raises InvalidInputError, CancelledError, TransformError and the model's."""
        if job.messages is None:
            raise InvalidInputError("there is no frame to segment")
        settings, started = self._settings(), time.monotonic()
        given = job.request is not None and job.request.messages is not None
        decoded = decode_frame(job.messages, settings, strict=given)
        self._note(decoded, job.instruction)
        decoded_at = time.monotonic()
        frame = decoded.frame
        if frame.depth is None or frame.intrinsics is None:
            self._counters.add("without_depth")
        streaming = job.request is None
        lift_settings = LiftSettings(min_depth=settings.min_depth, max_depth=settings.max_depth)
        refinement = RefinementSettings() if settings.refine_with_depth else None
        pipeline = Pipeline(self._segmenter, lift_settings, self._tracker if streaming else None, refinement)
        # Before the model runs: later tf may have forgotten a time so long ago, and a frame that cannot be
        # reached fails at once.
        target = (job.request.target_frame if job.request else "") or settings.target_frame
        pose = self._camera_in(target, frame, settings)
        up_direction = None
        if settings.up_frame:  # z of that frame, in the camera's
            up_direction = self._camera_in(settings.up_frame, frame, settings).rotation[2]
        view = None
        if streaming:
            view = self._transforms.view(
                frame.frame_id, frame.stamp_ns, settings.transform_timeout, settings.fixed_frame
            )
        posed_at = time.monotonic()
        result = pipeline.run(
            frame,
            job.instruction,
            up_direction=up_direction,
            view=view,
            previous=self._last(job.instruction, frame) if streaming else None,
            cancel=cancel,
            on_stage=job.request.on_stage if job.request else None,
        )
        if streaming:
            self._previous = (job.instruction, result.segmentation)
            waited = {"wait": started - job.messages.received, "decode": decoded_at - started}
            self.times.add({**waited, "transform": posed_at - decoded_at, **result.timings})
        kept = keep_scores(result, settings.score_threshold)
        return FrameResult(kept, pose, target or frame.frame_id, job.messages, pipeline, settings.max_age)

    def _note(self, decoded: DecodedFrame, instruction: str) -> None:
        """Keep the warnings of a frame, and log those of a new kind; numbers make no other kind."""
        grey = grey_warning(decoded.frame.rgb, instruction)
        self.warnings = (*decoded.warnings, grey) if grey else decoded.warnings
        self.outside_limits = decoded.outside_limits
        for warning in self.warnings:
            kind = re.sub(r"[\d.]+", "", warning)
            if kind not in self._warned and len(self._warned) < REMEMBERED:
                self._warned.add(kind)
                self._warn(warning)

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
