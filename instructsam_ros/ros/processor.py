"""Processing of one frame: decode, segment, lift, transform."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from instructsam_ros.errors import CancelledError, InstructSamError, InvalidInputError
from instructsam_ros.lifting import LiftedInstance, LiftSettings, RefinementSettings
from instructsam_ros.pipeline import Pipeline, Result
from instructsam_ros.prompted_object import PromptedObject
from instructsam_ros.propagated_answers import AnswerPropagator
from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.errors import MotionError, PromptError
from instructsam_ros.ros.input.frame_buffer import FrameMessages
from instructsam_ros.ros.input.frame_decoder import DecodedFrame, decode_frame, grey_warning
from instructsam_ros.ros.input.job_queue import Job
from instructsam_ros.ros.input.prompts import UserPrompt, place
from instructsam_ros.ros.input.synchronizer import NANOSECONDS
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.ros.stage_times import StageTimes
from instructsam_ros.ros.target_choice import choose_target
from instructsam_ros.ros.transforms import Transforms
from instructsam_ros.segmenter import Segmenter
from instructsam_ros.tracking.propagation import load_propagator
from instructsam_ros.tracking.tracker import Tracker
from instructsam_ros.types import IDENTITY, Frame, Pose, Segmentation, View

MOTION_SECONDS = 0.1
"""Before the image, over which the speed of the camera is taken."""
REMEMBERED = 64
"""Number of distinct warnings that are not repeated in the log."""


@dataclass(frozen=True)
class FrameResult:
    """A result in the camera's frame, and ``pose`` of the camera in ``frame_id``, the frame of the output.

    lifetime: seconds after which it says nothing about the scene any more. target: the chosen instance.
    name: of the instruction, empty for the active one. named: further results of the frame, for named
    instructions. view: of the camera in a fixed frame, where it is known. fusion_voxel: metres, 0 for no
    fusion.
    """

    result: Result
    pose: Pose
    frame_id: str
    messages: FrameMessages
    pipeline: Pipeline
    lifetime: float
    target: LiftedInstance | None = None
    name: str = ""
    named: tuple[FrameResult, ...] = ()
    view: View | None = None
    fusion_voxel: float = 0.0


@dataclass
class _Stream:
    """What is kept of an instruction from frame to frame: ids, the last answer, and how it is followed."""

    tracker: Tracker = field(default_factory=Tracker)
    previous: tuple[str, Segmentation] | None = None
    propagation: AnswerPropagator | None = None

    def follow(self, frames: int) -> AnswerPropagator | None:
        """Return the propagation of so many frames after an inference, None for 0."""
        if not frames:
            self.propagation = None
        elif self.propagation is None or self.propagation.refresh != frames + 1:
            self.propagation = AnswerPropagator(load_propagator(), frames + 1)
        return self.propagation

    def last(self, instruction: str, frame: Frame) -> Segmentation | None:
        """Return the last answer where it is one to this instruction, on an image of this size."""
        if self.previous is None or self.previous[0] != instruction:
            return None
        size = frame.rgb.shape[:2]
        previous = self.previous[1]
        return previous if all(i.mask.shape == size for i in previous.instances) else None


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
        self._streams: dict[str, _Stream] = {}
        self._selected: tuple[UserPrompt, PromptedObject] | None = None

    def run(self, job: Job, cancel: Callable[[], bool]) -> FrameResult:
        """Return a job's result.

        Raises InvalidInputError, PromptError, CancelledError, TransformError, MotionError and the model's.
        """
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
            self._hold_back(frame, view, settings)
        prompted = None if job.prompt is None else self._prompted(job.prompt, frame, settings)
        posed_at = time.monotonic()
        texts = {name: text for name, text in (("", job.instruction), *job.named) if text}
        if streaming:
            self._streams = {name: self._streams.get(name, _Stream()) for name in texts}
        # Where answers are followed, most frames need no features.
        shared = len(texts) > 1 and not (streaming and settings.follow_frames)
        features = self._segmenter.encode(frame.rgb) if shared else None
        results = []
        for name, text in texts.items():
            stream = self._streams[name] if streaming else _Stream()
            request = None if prompted is None or name else prompted.request(frame, view)
            pipeline = self._pipeline(settings, stream.tracker if streaming else None)
            pipeline.propagation = stream.follow(settings.follow_frames if streaming and not request else 0)
            try:
                result = pipeline.run(
                    frame,
                    text,
                    request=request,
                    features=features,
                    up_direction=up_direction,
                    view=view,
                    previous=stream.last(text, frame),
                    cancel=cancel,
                    on_stage=job.request.on_stage if job.request else None,
                )
            except InstructSamError as error:
                if request is None or isinstance(error, CancelledError):
                    raise
                raise PromptError(str(error), job.prompt) from error  # such as weights without a tracker
            if streaming and not name:
                waited = {"wait": started - job.messages.received, "decode": decoded_at - started}
                self.times.add({**waited, "transform": posed_at - decoded_at, **result.timings})
            if not result.followed:
                stream.previous = (text, result.segmentation)
            if prompted is not None and not name:
                result = prompted.keep(result, view)
            kept = result.only(lambda each: each.instance.score >= settings.score_threshold)
            chosen = choose_target(kept.lifted.instances, settings.target, settings.target_id)
            results.append(
                FrameResult(
                    kept,
                    pose,
                    target or frame.frame_id,
                    job.messages,
                    pipeline,
                    settings.max_age,
                    target=chosen,
                    name=name,
                    view=view,
                    fusion_voxel=settings.fusion_voxel,
                )
            )
        return dataclasses.replace(results[0], named=tuple(results[1:]))

    def _prompted(self, prompt: UserPrompt, frame: Frame, settings: NodeSettings) -> PromptedObject:
        """Return the object of a prompt, which begins on its first frame. Raises PromptError."""
        if self._selected is None or self._selected[0] is not prompt:
            request = place(
                prompt,
                frame,
                self._segmenter,
                lambda source: self._transforms.look_up(
                    frame.frame_id, source, frame.stamp_ns, settings.transform_timeout
                ),
            )
            self._selected = (prompt, PromptedObject(request))
        return self._selected[1]

    def _hold_back(self, frame: Frame, view: View | None, settings: NodeSettings) -> None:
        """Raise MotionError where the camera moves faster than max_motion and tf knows it."""
        if view is None or not settings.max_motion > 0:
            return
        earlier = frame.stamp_ns - round(MOTION_SECONDS * NANOSECONDS)
        before = self._transforms.view(frame.frame_id, earlier, 0.0, view.fixed_frame)
        if before is not None:
            shift = float(np.linalg.norm(view.pose.translation - before.pose.translation))
            if shift > settings.max_motion * MOTION_SECONDS:
                raise MotionError(f"the camera moves at {shift / MOTION_SECONDS:.2f} m/s (max_motion)")

    def _pipeline(self, settings: NodeSettings, tracker: Tracker | None) -> Pipeline:
        lift_settings = LiftSettings.named(
            settings.lifting, min_depth=settings.min_depth, max_depth=settings.max_depth
        )
        refinement = RefinementSettings() if settings.refine_with_depth else None
        return Pipeline(self._segmenter, lift_settings, tracker, refinement)

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


def age(messages: FrameMessages) -> float:
    """Return the seconds since the image arrived."""
    return time.monotonic() - messages.received
