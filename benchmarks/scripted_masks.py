"""Masks from boxes by ground truth, in place of a model that is prompted with boxes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scripted_answers import Scene, nearest_scene, thumbnails
from instructsam_ros.training.data_engine.masks import box_iou
from instructsam_ros.types import tight_box

LEAST_FIT = 0.5


class ScriptedMasks:
    """See BoxMasks. The object whose box fits best; where none fits, an ellipse in the box, since a prompted
    model outlines something in any box.
    """

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self.scenes, self._thumbnails = list(scenes), thumbnails(scenes)

    def __call__(
        self, rgb: NDArray[np.uint8], boxes: NDArray[np.float64], nouns: Sequence[str]
    ) -> NDArray[np.bool_]:
        """See BoxMasks."""
        ids = self.scenes[nearest_scene(self._thumbnails, rgb)].view.ids
        found = np.zeros((len(boxes), *ids.shape), bool)
        known = [ids == entry for entry in np.unique(ids) if 0 < entry < 200]
        for place, box in enumerate(boxes):
            fits = [box_iou(tight_box(mask).astype(float), box) for mask in known]
            if fits and max(fits) >= LEAST_FIT:
                found[place] = known[int(np.argmax(fits))]
            else:
                x0, y0, x1, y1 = box
                canvas = np.zeros(ids.shape, np.uint8)
                centre, half = ((x0 + x1) / 2, (y0 + y1) / 2), ((x1 - x0) / 2, (y1 - y0) / 2)
                size = tuple(max(1, round(side)) for side in half)
                cv2.ellipse(canvas, (round(centre[0]), round(centre[1])), size, 0, 0, 360, 1, -1)
                found[place] = canvas > 0
        return found
