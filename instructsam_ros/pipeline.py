"""Frame and instruction in, lifted instances out. No ROS, no torch: the one path that all fronts share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.lifting import (
    LiftedInstance,
    LiftedScene,
    LiftSettings,
    RefinementSettings,
    lift,
    plane_under,
    refine_on_plane,
    scene_points,
    without_specks,
)
from instructsam_ros.prompt_requests import Request
from instructsam_ros.propagated_answers import STAGE, AnswerPropagator
from instructsam_ros.segmenter import Cancel, Segmenter, raise_if_cancelled
from instructsam_ros.tracking.tracker import Tracker
from instructsam_ros.types import Frame, Instance, Segmentation, Status, View, check_instruction, tight_box

OnStage = Callable[[str], None]
STAGES = ("encode", "segment", "lift")


@dataclass(frozen=True)
class Result:
    """The answer to one instruction on one frame. ``timings``: seconds per stage, in order."""

    frame: Frame
    instruction: str
    segmentation: Segmentation
    lifted: LiftedScene
    timings: Mapping[str, float]

    @property
    def ids(self) -> tuple[int, ...]:
        """Id of every instance, in the order of the segmentation."""
        return tuple(instance.id for instance in self.lifted.instances)

    @property
    def followed(self) -> bool:
        """Whether the masks were carried on from an earlier frame, without the model."""
        return STAGE in self.timings

    def only(self, wanted: Callable[[LiftedInstance], bool]) -> Result:
        """Return the result with those of its instances that are wanted."""
        kept = tuple(filter(wanted, self.lifted.instances))
        if len(kept) == len(self.lifted.instances):
            return self
        segmentation = replace(
            self.segmentation,
            instances=tuple(each.instance for each in kept),
            status=self.segmentation.status if kept else Status.NO_TARGET,
        )
        return replace(self, segmentation=segmentation, lifted=LiftedScene(kept, self.lifted.plane))


class Pipeline:
    """A segmenter, the lifting and, for a stream, a tracker.

    Without a tracker ids count from 1 in every result and calls from several threads are safe; a
    tracker belongs to one stream in one thread. With ``refinement`` masks are refined by the frame's depth. A
    ``propagation``, which belongs to one stream in one thread too, answers frames between inferences.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        lift_settings: LiftSettings | None = None,
        tracker: Tracker | None = None,
        refinement: RefinementSettings | None = None,
        propagation: AnswerPropagator | None = None,
    ) -> None:
        self.segmenter = segmenter
        self.lift_settings = lift_settings or LiftSettings()
        self.tracker = tracker
        self.refinement = refinement
        self.propagation = propagation

    def encode(self, frame: Frame) -> Any:
        """Image features of a frame, to pass to ``run`` for several instructions on it."""
        return self.segmenter.encode(frame.rgb)

    def run(
        self,
        frame: Frame,
        instruction: str,
        *,
        request: Request | None = None,
        features: Any = None,
        previous: Segmentation | None = None,
        up_direction: NDArray[np.float64] | None = None,
        view: View | None = None,
        cancel: Cancel | None = None,
        on_stage: OnStage | None = None,
    ) -> Result:
        """Segment, remove stray pixels of the masks, and lift.

        request: what to ask instead of the instruction, which then only names it. features: what ``encode``
        returned for this frame; encoded here when None. previous: the segmentation of the last frame of the
        stream, for the same instruction. up_direction: direction away from the ground in the optical frame,
        when known. view: of the camera, for the tracker. cancel: polled between and within stages. on_stage:
        called with the name of each of STAGES as it begins. Raises InvalidInputError for an unusable
        instruction, CancelledError, and what the segmenter raises.
        """
        instruction = check_instruction(instruction)
        followed = None if self.propagation is None else self.propagation.follow(frame, instruction)
        if followed is not None:
            return self._lift(frame, instruction, followed, dict(followed.timings), up_direction, view)
        timings: dict[str, float] = {}

        def begin(stage: str) -> float:
            raise_if_cancelled(cancel)
            if on_stage is not None:
                on_stage(stage)
            return time.perf_counter()

        if features is None:
            started = begin("encode")
            features = self.encode(frame)
            timings["encode"] = time.perf_counter() - started
        started = begin("segment")
        if request is not None:
            segmentation = request.ask(self.segmenter, features, cancel)
        else:
            segmentation = self.segmenter.segment(features, instruction, previous=previous, cancel=cancel)
        instances = tuple(_without_specks(instance) for instance in segmentation.instances)
        segmentation = replace(segmentation, instances=instances)
        # The segmenter's own stages are more detailed than one number for all of them.
        timings |= segmentation.timings or {"segment": time.perf_counter() - started}
        begin("lift")
        return self._lift(frame, instruction, segmentation, timings, up_direction, view)

    def scene_points(self, result: Result) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """The scene of a result without its targets: points [N, 3] in metres, colors [N, 3]."""
        return scene_points(result.frame, result.segmentation, self.lift_settings)

    def _lift(
        self,
        frame: Frame,
        instruction: str,
        segmentation: Segmentation,
        timings: dict[str, float],
        up_direction: NDArray[np.float64] | None,
        view: View | None,
    ) -> Result:
        """Refine what the model answered, lift and track; what was followed had been refined."""
        started, plane, is_followed = time.perf_counter(), None, STAGE in timings
        if self.refinement is not None and segmentation.instances and not is_followed:
            plane = plane_under(frame, segmentation, self.lift_settings, up_direction)
            segmentation = refine_on_plane(frame, segmentation, plane, self.refinement, self.lift_settings)
        if self.propagation is not None and not is_followed:
            self.propagation.start(frame, instruction, segmentation)
        lifted = lift(frame, segmentation, self.lift_settings, up_direction=up_direction, plane=plane)
        lifted = self._track(instruction, lifted, view)
        timings["lift"] = time.perf_counter() - started
        return Result(frame, instruction, segmentation, lifted, timings)

    def _track(self, instruction: str, scene: LiftedScene, view: View | None) -> LiftedScene:
        if self.tracker is None:
            return scene
        instances = scene.instances
        ids = self.tracker.update(
            instruction, [i.instance for i in instances], [i.centroid for i in instances], view
        )
        tracked = tuple(replace(i, id=number) for i, number in zip(instances, ids, strict=True))
        return LiftedScene(tracked, scene.plane)


def _without_specks(instance: Instance) -> Instance:
    mask = without_specks(instance.mask)
    return instance if mask is instance.mask else replace(instance, mask=mask, box=tight_box(mask))
