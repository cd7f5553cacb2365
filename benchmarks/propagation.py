"""Masks that are followed instead of inferred, over rendered sequences: J&F as in DAVIS, id switches, rate.

    python -m benchmarks.propagation

The camera swings and an object is pushed. The upper rows begin with exact masks, so that propagation alone is
measured; the lower ones segment all objects with the compact model at each frame, or once in so many frames
(``--refresh``) and where something is lost. Objects count in frames in which they are seen, and those that
nothing follows there count 0. Rates are frames per second of processor time of this process.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.command import positive_int, run
from benchmarks.mask_scores import boundary_accuracy, region_similarity
from instructsam_ros.pipeline import Pipeline
from instructsam_ros.propagated_answers import AnswerPropagator
from instructsam_ros.scenes.dataset import View
from instructsam_ros.scenes.rendering.video import render_sequence
from instructsam_ros.segmenter import load
from instructsam_ros.tracking.optical_flow import OpticalFlowPropagator
from instructsam_ros.tracking.tracker import Tracker
from instructsam_ros.types import CameraModel, Frame, Pose, Segmentation
from instructsam_ros.types import View as CameraView

LEAST_PIXELS = 60
"""Of an object, from which it counts as seen."""
SAME_IOU = 0.5
"""Of an object and what was found for it, from which it has that id."""
Masks = dict[int, NDArray[np.bool_]]


@dataclass(frozen=True)
class Track:
    """Masks by id of each frame, the seconds that they took, and at how many frames the model was asked."""

    masks: Sequence[Masks]
    seconds: float
    asked: int = 0


class EverythingSegmenter:
    """Segmenter that finds all objects whatever the instruction."""

    name = "everything"

    def __init__(self, model: Any) -> None:
        self.encode = model.encode
        self._model = model

    def segment(
        self, features: Any, instruction: str, *, previous: Segmentation | None = None, cancel: Any = None
    ) -> Segmentation:
        """Segment all objects."""
        answer: Segmentation = self._model.segment_everything(features, cancel=cancel)
        return answer

    def segment_image(self, rgb: NDArray[np.uint8], instruction: str) -> Segmentation:
        """Segment all objects of an image."""
        return self.segment(self.encode(rgb), instruction)


def true_masks(view: View) -> Masks:
    """Return the masks of the objects that are seen, by id."""
    masks = {item["id"]: view.ids == item["id"] for item in view.meta["objects"]}
    return {number: mask for number, mask in masks.items() if np.count_nonzero(mask) >= LEAST_PIXELS}


def frame_of(view: View) -> Frame:
    """Return what the camera sees."""
    depth = np.where(view.depth > 0, view.depth, np.nan).astype(np.float32)
    return Frame(view.rgb, depth, CameraModel(**view.meta["K"]))


def keep_still(clip: Sequence[View]) -> Track:
    """Leave the exact masks of the first frame where they are."""
    return Track([true_masks(clip[0])] * len(clip), 0.0)


def propagate(clip: Sequence[View], *, with_depth: bool) -> Track:
    """Follow the exact masks of the first frame by optical flow."""
    frames = [frame_of(view) for view in clip]
    first = true_masks(clip[0])
    propagator, started = OpticalFlowPropagator(), time.process_time()
    propagator.start(clip[0].rgb, list(first.values()), list(first))
    masks = [first]
    for frame in frames[1:]:
        followed = propagator.follow(frame.rgb, frame.depth if with_depth else None)
        masks.append({number: each.mask for number, each in followed.items()})
    return Track(masks, time.process_time() - started)


def answer_frames(clip: Sequence[View], model: EverythingSegmenter, refresh: int) -> Track:
    """Segment, follow, lift and track as the node does. refresh: see AnswerPropagator; 1: model alone."""
    frames = [frame_of(view) for view in clip]
    poses = [Pose(np.array(v.meta["R_world_cam"]), np.array(v.meta["cam_pos"])) for v in clip]
    pipeline = Pipeline(
        model, tracker=Tracker(), propagation=AnswerPropagator(OpticalFlowPropagator(), refresh)
    )
    masks, asked, started = [], 0, time.process_time()
    for frame, pose in zip(frames, poses, strict=True):
        result = pipeline.run(frame, "everything", view=CameraView("world", pose))
        asked += not result.followed
        instances = result.segmentation.instances
        masks.append({number: each.mask for number, each in zip(result.ids, instances, strict=True)})
    return Track(masks, time.process_time() - started, asked)


def scores(
    clip: Sequence[View], masks: Sequence[Mapping[int, NDArray[np.bool_]]]
) -> list[tuple[float, float]]:
    """Return J and F of each object in each frame in which it is seen, by the mask that meets it best."""
    found = []
    for view, answered in zip(clip, masks, strict=True):
        for truth in true_masks(view).values():
            best = max(answered.values(), key=lambda m: region_similarity(m, truth), default=None)
            if best is None or not (best & truth).any():
                found.append((0.0, 0.0))
            else:
                found.append((region_similarity(best, truth), boundary_accuracy(best, truth)))
    return found


def switches(clip: Sequence[View], masks: Sequence[Mapping[int, NDArray[np.bool_]]]) -> int:
    """Count how often the id of an object is another than when it was last found."""
    last: dict[int, int] = {}
    count = 0
    for view, answered in zip(clip, masks, strict=True):
        for number, truth in true_masks(view).items():
            ious = {given: region_similarity(mask, truth) for given, mask in answered.items()}
            given = max(ious, key=lambda each: ious[each], default=None)
            if given is None or ious[given] < SAME_IOU:
                continue
            count += last.get(number, given) != given
            last[number] = given
    return count


def row(name: str, clips: Sequence[Sequence[View]], method: Callable[[Sequence[View]], Track]) -> str:
    """Measure a method on all clips, as a line of the table."""
    tracks = [method(clip) for clip in clips]
    both = np.mean(
        [pair for clip, track in zip(clips, tracks, strict=True) for pair in scores(clip, track.masks)],
        axis=0,
    )
    count = sum(switches(clip, track.masks) for clip, track in zip(clips, tracks, strict=True))
    frames, seconds = sum(map(len, clips)), sum(track.seconds for track in tracks)
    rate = f"{frames / seconds:.1f}" if seconds else "-"
    asked = sum(track.asked for track in tracks)
    j, f = 100 * both
    return f"{name:<28}{j:8.1f}{f:8.1f}{(j + f) / 2:8.1f}{count:10d}{asked:8d}{rate:>10}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--scenes", type=positive_int, default=2)
    parser.add_argument("--frames", type=positive_int, default=48)
    parser.add_argument("--width", type=positive_int, default=640)
    parser.add_argument("--refresh", type=positive_int, nargs="*", default=[6, 24])
    args = parser.parse_args()
    cv2.setNumThreads(1)
    size = {"width": args.width, "height": args.width * 3 // 4}
    clips = [list(render_sequence("heldout", n, args.frames, **size)) for n in range(args.scenes)]
    print(f"{args.scenes} scenes of {args.frames} frames, one swing each, {args.width} pixels wide")
    print(f"{'':<28}{'J':>8}{'F':>8}{'J&F':>8}{'switches':>10}{'asked':>8}{'frames/s':>10}")
    print(row("exact, kept still", clips, keep_still), flush=True)
    print(row("exact, flow", clips, lambda clip: propagate(clip, with_depth=False)), flush=True)
    print(row("exact, flow and depth", clips, lambda clip: propagate(clip, with_depth=True)), flush=True)
    model = EverythingSegmenter(load("compact", device="cpu", threads=1))
    for refresh in (1, *args.refresh):
        name = "compact, each frame" if refresh == 1 else f"compact, followed for {refresh - 1}"
        print(row(name, clips, lambda clip, r=refresh: answer_frames(clip, model, r)), flush=True)  # type: ignore[misc]


if __name__ == "__main__":
    run(main)
