"""Ids that stay with their objects over the frames of a stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import ConfigError
from instructsam_ros.types import Instance, mask_iou


@dataclass(frozen=True)
class TrackerSettings:
    """min_iou: least mask overlap of a match. max_distance: metres, most motion of a centroid in a match.

    max_missed: frames for which an object that is not seen keeps its id.
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
    id: int
    instance: Instance
    centroid: NDArray[np.float64]
    missed: int = 0


class Tracker:
    """Matches the instances of each frame to those of the last one, best pair first, and what is left to
    those that were missed for a while. Not thread-safe.

    A pair matches by overlap of the masks or by distance of the 3D centroids, so that objects
    without depth are followed too. Ids count from 1; a new instruction starts a new stream, and
    within a stream no id is given to a second object.
    """

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self._settings = settings or TrackerSettings()
        self._instruction = ""
        self._tracks: list[_Track] = []
        self._next_id = 1

    def update(
        self, instruction: str, instances: Sequence[Instance], centroids: Sequence[NDArray[np.float64]]
    ) -> list[int]:
        """Ids of ``instances``. centroids: [3] each, in metres, NaN where unknown."""
        if instruction != self._instruction:
            self._instruction, self._tracks, self._next_id = instruction, [], 1
        matched = self._match(instances, centroids)
        for track in self._tracks:
            track.missed += 1
        ids = []
        for i, (instance, centroid) in enumerate(zip(instances, centroids, strict=True)):
            if i in matched:
                track = matched[i]
            else:
                track = _Track(self._next_id, instance, centroid)
                self._next_id += 1
                self._tracks.append(track)
            track.instance, track.centroid, track.missed = instance, centroid, 0
            ids.append(track.id)
        self._tracks = [t for t in self._tracks if t.missed <= self._settings.max_missed]
        return ids

    def _match(
        self, instances: Sequence[Instance], centroids: Sequence[NDArray[np.float64]]
    ) -> dict[int, _Track]:
        """Track of each instance that has one, by its number."""
        pairs = [
            (affinity, i, t)
            for i, (instance, centroid) in enumerate(zip(instances, centroids, strict=True))
            for t, track in enumerate(self._tracks)
            if (affinity := self._affinity(instance, centroid, track)) > 0
        ]
        matched: dict[int, _Track] = {}
        taken: set[int] = set()
        # An object that is still there comes before one that has gone from where it moves to.
        for _, i, t in sorted(
            pairs, key=lambda pair: (self._tracks[pair[2]].missed > 0, -pair[0], pair[1], pair[2])
        ):
            if i not in matched and t not in taken:
                matched[i] = self._tracks[t]
                taken.add(t)
        return matched

    def _affinity(self, instance: Instance, centroid: NDArray[np.float64], track: _Track) -> float:
        """0 for no match, up to 2 for the same mask at the same place."""
        iou = cropped_iou(instance, track.instance)
        distance = float(np.linalg.norm(centroid - track.centroid))
        nearness = 1 - distance / self._settings.max_distance  # NaN where a centroid is unknown
        nearness = nearness if nearness > 0 else 0.0
        return iou + nearness if iou >= self._settings.min_iou else nearness


def cropped_iou(first: Instance, second: Instance) -> float:
    """Compute the mask IoU, 0..1, cropped to both boxes; 0 for disjoint boxes or images of other sizes."""
    boxes = np.array([first.box, second.box], int)
    starts, ends = boxes[:, :2], boxes[:, 2:]
    if (starts.max(0) >= ends.min(0)).any() or first.mask.shape != second.mask.shape:
        return 0.0
    (x0, y0), (x1, y1) = starts.min(0), ends.max(0)
    return mask_iou(first.mask[y0:y1, x0:x1], second.mask[y0:y1, x0:x1])
