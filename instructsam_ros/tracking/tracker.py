"""Instance ids that are stable over the frames of a stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import ConfigError
from instructsam_ros.types import IDENTITY, Instance, View, mask_iou

STILL_METRES = 0.02
STILL_RADIANS = float(np.radians(1.0))
"""Motion of the camera up to which the masks of two images can be compared."""


@dataclass(frozen=True)
class TrackerSettings:
    """min_iou: minimum mask IoU of a match. max_distance: metres, maximum motion of a centroid in a match.

    max_missed: number of frames for which a track without a match is kept.
    """

    min_iou: float = 0.2
    max_distance: float = 0.08
    max_missed: int = 10

    def __post_init__(self) -> None:
        if not 0 < self.min_iou <= 1:
            raise ConfigError(f"min_iou is {self.min_iou}; it must be above 0 and at most 1")
        if not self.max_distance > 0:
            raise ConfigError(f"max_distance is {self.max_distance} metres; it must be positive")
        if self.max_missed < 0:
            raise ConfigError(f"max_missed is {self.max_missed} frames; it cannot be negative")


@dataclass
class _Track:
    """centroid: in the fixed frame of ``view``, or the camera's frame without a view."""

    id: int
    instance: Instance
    centroid: NDArray[np.float64]
    view: View | None
    missed: int = 0


class Tracker:
    """Greedy matching of the instances of each frame to the tracks, first to those seen in the last frame,
    then to those missed for some frames. Not thread-safe.

    A pair matches by mask IoU or by distance of the 3D centroids, so that objects without depth are tracked,
    too. With the pose of the camera in a fixed frame centroids are compared in that frame, and masks only
    where the camera stood still or a centroid is not known. Ids start at 1. A new instruction starts a new
    stream; within a stream ids are not reused.
    """

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self._settings = settings or TrackerSettings()
        self._instruction = ""
        self._tracks: list[_Track] = []
        self._next_id = 1

    def update(
        self,
        instruction: str,
        instances: Sequence[Instance],
        centroids: Sequence[NDArray[np.float64]],
        view: View | None = None,
    ) -> list[int]:
        """Assign ids to ``instances``.

        centroids: [3] each, in metres in the camera's frame, NaN where unknown. view: of the camera.
        """
        pose = IDENTITY if view is None else view.pose
        centroids = [pose.apply(centroid) for centroid in centroids]
        if instruction != self._instruction:
            self._instruction, self._tracks, self._next_id = instruction, [], 1
        matched = self._match(instances, centroids, view)
        for track in self._tracks:
            track.missed += 1
        ids = []
        for i, (instance, centroid) in enumerate(zip(instances, centroids, strict=True)):
            if i in matched:
                track = matched[i]
            else:
                track = _Track(self._next_id, instance, centroid, view)
                self._next_id += 1
                self._tracks.append(track)
            track.instance, track.centroid, track.view, track.missed = instance, centroid, view, 0
            ids.append(track.id)
        self._tracks = [t for t in self._tracks if t.missed <= self._settings.max_missed]
        return ids

    def _match(
        self, instances: Sequence[Instance], centroids: Sequence[NDArray[np.float64]], view: View | None
    ) -> dict[int, _Track]:
        """Match instances to tracks; return the tracks by instance index."""
        pairs = [
            (affinity, i, t)
            for i, (instance, centroid) in enumerate(zip(instances, centroids, strict=True))
            for t, track in enumerate(self._tracks)
            if (affinity := self._affinity(instance, centroid, view, track)) > 0
        ]
        matched: dict[int, _Track] = {}
        taken: set[int] = set()
        # Not scipy's assignment, whose least sum may part a sure pair to make two doubtful ones.
        # Tracks of the last frame take precedence over missed tracks at the same place.
        for _, i, t in sorted(
            pairs, key=lambda pair: (self._tracks[pair[2]].missed > 0, -pair[0], pair[1], pair[2])
        ):
            if i not in matched and t not in taken:
                matched[i] = self._tracks[t]
                taken.add(t)
        return matched

    def _affinity(
        self, instance: Instance, centroid: NDArray[np.float64], view: View | None, track: _Track
    ) -> float:
        """0 for no match, up to 2 for the same mask at the same place."""
        comparable = _fixed_frame(view) == _fixed_frame(track.view)
        # NaN where a centroid is unknown.
        distance = float(np.linalg.norm(centroid - track.centroid)) if comparable else float("nan")
        nearness = 1 - distance / self._settings.max_distance
        nearness = nearness if nearness > 0 else 0.0
        if np.isfinite(distance) and _moved(view, track.view):
            return nearness
        iou = cropped_iou(instance, track.instance)
        return iou + nearness if iou >= self._settings.min_iou else nearness


def _fixed_frame(view: View | None) -> str:
    return "" if view is None else view.fixed_frame


def _moved(now: View | None, before: View | None) -> bool:
    """Return whether the camera is known to have moved between two views in one fixed frame."""
    if now is None or before is None:
        return False
    shift = float(np.linalg.norm(now.pose.translation - before.pose.translation))
    # The trace of a rotation by an angle is 1 + 2 cos(angle).
    cosine = (np.sum(now.pose.rotation * before.pose.rotation) - 1) / 2
    return shift > STILL_METRES or bool(cosine < np.cos(STILL_RADIANS))


def cropped_iou(first: Instance, second: Instance) -> float:
    """Compute the mask IoU, 0..1, cropped to both boxes; 0 for disjoint boxes or images of other sizes."""
    boxes = np.array([first.box, second.box], int)
    starts, ends = boxes[:, :2], boxes[:, 2:]
    if (starts.max(0) >= ends.min(0)).any() or first.mask.shape != second.mask.shape:
        return 0.0
    (x0, y0), (x1, y1) = starts.min(0), ends.max(0)
    return mask_iou(first.mask[y0:y1, x0:x1], second.mask[y0:y1, x0:x1])
