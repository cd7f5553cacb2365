"""Contact sheet of random samples: instruction above, instances tinted and outlined."""

from __future__ import annotations

import textwrap

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.training.data.sample import Sample
from instructsam_ros.visualization import color, contact_sheet

WIDTH, HEIGHT, CAPTION = 320, 240, 66
"""Pixels of the image of a tile and of the text above it."""
LINES, LINE_LENGTH = 3, 50
_DARK, _LIGHT, _ORANGE = (24, 24, 24), (235, 235, 235), (255, 170, 60)


class SampleSheet:
    """A uniform random selection of the samples added (reservoir sampling), as small images.

    count: samples of the sheet. The selection depends on the seed and the order of the samples.
    """

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.rng = count, np.random.default_rng(seed)
        self.tiles: list[NDArray[np.uint8]] = []
        self._added = 0

    def add(self, sample: Sample, image: NDArray[np.uint8], masks: NDArray[np.bool_]) -> None:
        """Consider a sample. image: RGB uint8 [H, W, 3]. masks: its instances, bool [m, H, W]."""
        self._added += 1
        if len(self.tiles) < self.count:
            self.tiles.append(tile(sample, image, masks))
        elif (place := int(self.rng.integers(self._added))) < self.count:
            self.tiles[place] = tile(sample, image, masks)

    def draw(self) -> NDArray[np.uint8]:
        """Arrange the selection, RGB uint8 [H, W, 3]. Raises InvalidInputError for no samples."""
        return contact_sheet(self.tiles)


def tile(sample: Sample, image: NDArray[np.uint8], masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Draw one sample, RGB uint8 [CAPTION + HEIGHT, WIDTH, 3]; marks "no target" and "boxes only"."""
    scale = min(WIDTH / image.shape[1], HEIGHT / image.shape[0])
    size = max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1)
    picture = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    for number, mask in enumerate(masks, 1):
        # Averages above 0, so that an instance of one pixel is visible.
        small = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        picture[small] = (0.6 * picture[small] + 0.4 * np.array(color(number))).astype(np.uint8)
        edges, _ = cv2.findContours(small.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, edges, -1, color(number), 1)
    canvas = np.full((CAPTION + HEIGHT, WIDTH, 3), _DARK, np.uint8)
    canvas[CAPTION : CAPTION + size[1], : size[0]] = picture
    for line, words in enumerate(textwrap.wrap(sample.instruction, LINE_LENGTH)[:LINES]):
        _write(canvas, words, line, _LIGHT)
    marks = {"no target": not masks.any(), "boxes only": sample.boxes_only, f"instances: {len(masks)}": True}
    _write(canvas, next(mark for mark, applies in marks.items() if applies), LINES, _ORANGE)
    return canvas


def _write(canvas: NDArray[np.uint8], text: str, line: int, ink: tuple[int, int, int]) -> None:
    ascii_text = text.encode("ascii", "replace").decode()  # OpenCV's fonts have no other letters
    cv2.putText(canvas, ascii_text, (4, 13 + 15 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.38, ink, 1, cv2.LINE_AA)
