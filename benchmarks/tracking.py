"""Ids over rendered sequences: identity F1 and switches of the tracker, and of a plain tracker by mask IoU.

    python -m benchmarks.tracking

The camera swings and an object is pushed; masks are exact, so that ids alone are measured. ``every``: the
model answers one frame of so many, as a slow one does. Occluded: each object is hidden in runs of frames.
The tracker is measured with the camera's pose in a fixed frame (tf) and without.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from benchmarks.command import positive_int, run
from instructsam_ros.lifting import lift
from instructsam_ros.scenes.dataset import View as RenderedView
from instructsam_ros.scenes.rendering.video import render_sequence
from instructsam_ros.tracking.tracker import Tracker, cropped_iou
from instructsam_ros.types import CameraModel, Frame, Instance, Pose, Segmentation, Status, View, tight_box

LEAST_PIXELS = 60
HIDDEN_SHARE = 0.03
"""Of frames in which an object becomes hidden, for HIDDEN_ANSWERS answers."""
HIDDEN_ANSWERS = 4
PLAIN_IOU = 0.3
MAX_MISSED = 10
"""Answers for which either tracker remembers an object."""


@dataclass
class PlainTracker:
    """Greedy matching by mask IoU alone, in image coordinates."""

    tracks: dict[int, tuple[Instance, int]] = field(default_factory=dict)
    next_id: int = 1

    def update(self, instances: Sequence[Instance]) -> list[int]:
        """Return an id for each instance."""
        pairs = [
            (cropped_iou(instance, before), i, number)
            for i, instance in enumerate(instances)
            for number, (before, _) in self.tracks.items()
        ]
        matched: dict[int, int] = {}
        for iou, i, number in sorted(pairs, reverse=True):
            if iou >= PLAIN_IOU and i not in matched and number not in matched.values():
                matched[i] = number
        ids = []
        for i in range(len(instances)):
            ids.append(matched.get(i, self.next_id))
            self.next_id += i not in matched
        aged = {number: (seen, missed + 1) for number, (seen, missed) in self.tracks.items()}
        aged |= {number: (instance, 0) for number, instance in zip(ids, instances, strict=True)}
        self.tracks = {number: each for number, each in aged.items() if each[1] <= MAX_MISSED}
        return ids


@dataclass(frozen=True)
class Answer:
    """Objects of one frame: true ids, instances, centroids [3] in the camera's frame, and its pose."""

    true_ids: tuple[int, ...]
    instances: tuple[Instance, ...]
    centroids: tuple[NDArray[np.float64], ...]
    view: View


def answer_of(view: RenderedView, hidden: set[int]) -> Answer:
    """Make an exact answer for all objects of a rendered view but the hidden ones."""
    camera = CameraModel(**view.meta["K"])
    frame = Frame(view.rgb, np.where(view.depth > 0, view.depth, np.nan).astype(np.float32), camera)
    true_ids = [item["id"] for item in view.meta["objects"] if item["id"] not in hidden]
    masks = {number: view.ids == number for number in true_ids}
    masks = {number: mask for number, mask in masks.items() if mask.sum() >= LEAST_PIXELS}
    instances = tuple(Instance(mask, tight_box(mask), 1.0, "thing") for mask in masks.values())
    lifted = lift(frame, Segmentation(instances, "", Status.OK))
    pose = Pose(np.array(view.meta["R_world_cam"]), np.array(view.meta["cam_pos"]))
    return Answer(
        tuple(masks), instances, tuple(each.centroid for each in lifted.instances), View("world", pose)
    )


def hidden_objects(views: Sequence[RenderedView], every: int, random: np.random.Generator) -> list[set[int]]:
    """Choose which objects are hidden in each answered frame, in runs of HIDDEN_ANSWERS."""
    ids = [item["id"] for item in views[0].meta["objects"]]
    answers = len(views[::every])
    begin = random.random((answers, len(ids))) < HIDDEN_SHARE * every
    hidden = []
    for row in range(answers):
        gone = np.flatnonzero(begin[max(0, row - HIDDEN_ANSWERS + 1) : row + 1].any(axis=0))
        hidden.append({ids[column] for column in gone})
    return hidden


def identity_scores(true_ids: Sequence[Sequence[int]], ids: Sequence[Sequence[int]]) -> tuple[float, int]:
    """Compute identity F1 (Ristani et al., 2016), 0..1, and the number of switches, for exact detections.

    true_ids, ids: of the instances of each frame, in the same order.
    """
    pairs = [pair for frame in zip(true_ids, ids, strict=True) for pair in zip(*frame, strict=True)]
    rows, columns = sorted({t for t, _ in pairs}), sorted({i for _, i in pairs})
    together = np.zeros((len(rows), len(columns)))
    last: dict[int, int] = {}
    switches = 0
    for true_id, number in pairs:
        together[rows.index(true_id), columns.index(number)] += 1
        switches += last.get(true_id, number) != number
        last[true_id] = number
    best = together[linear_sum_assignment(-together)].sum()
    return float(best / max(len(pairs), 1)), switches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--scenes", type=positive_int, default=4)
    parser.add_argument("--frames", type=positive_int, default=32)
    parser.add_argument("--width", type=positive_int, default=320)
    parser.add_argument("--renderer", choices=("auto", "filament", "classic"), default="auto")
    args = parser.parse_args()
    size = {"width": args.width, "height": args.width * 3 // 4, "renderer": args.renderer}
    clips = [list(render_sequence("heldout", n, args.frames, **size)) for n in range(args.scenes)]
    print(f"{args.scenes} scenes of {args.frames} frames, one swing; identity F1 in per cent, switches")
    print(f"{'every':>6}{'occluded':>10}{'with tf':>14}{'without tf':>14}{'IoU':>14}")
    for every in (1, 4, 8):
        for occluded in (False, True):
            row = [measure(clips, every, occluded, name) for name in ("tf", "camera", "iou")]
            cells = "".join(f"{100 * f1:8.1f}{switches:6d}" for f1, switches in row)
            print(f"{every:6d}{'yes' if occluded else 'no':>10}{cells}")


def measure(
    clips: Sequence[Sequence[RenderedView]], every: int, occluded: bool, tracker: str
) -> tuple[float, int]:
    """Return identity F1 over all clips, and switches. tracker: "tf", "camera" (no tf) or "iou"."""
    scores = []
    for number, clip in enumerate(clips):
        random = np.random.default_rng(number)
        hidden = hidden_objects(clip, every, random)
        if not occluded:
            hidden = [set() for _ in hidden]
        answers = [answer_of(view, gone) for view, gone in zip(clip[::every], hidden, strict=True)]
        ours, plain = Tracker(), PlainTracker()
        ids = [
            plain.update(each.instances)
            if tracker == "iou"
            else ours.update("all", each.instances, each.centroids, each.view if tracker == "tf" else None)
            for each in answers
        ]
        scores.append(identity_scores([each.true_ids for each in answers], ids))
    return float(np.mean([f1 for f1, _ in scores])), sum(switches for _, switches in scores)


if __name__ == "__main__":
    run(main)
