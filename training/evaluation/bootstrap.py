"""Confidence intervals by resampling whole images: answers about one image are not independent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
CONFIDENCE = 0.95
MOST_NUMBERS = 10**7
"""Numbers that are held at once."""


class ImageResampling:
    """Samples of the images of n cases, with replacement. image_of: int64 [n], the image of every case.

    A case of no image ("") is drawn by itself. Samples come in parts, so that memory stays bounded however
    many cases there are.
    """

    def __init__(self, images: Sequence[str], seed: int, resamples: int = RESAMPLES) -> None:
        keys = [image or f"#{number}" for number, image in enumerate(images)]
        names, self.image_of = np.unique(keys, return_inverse=True)
        self.images, self.seed, self.resamples = len(names), seed, resamples

    def draws(self, width: int = 0) -> Iterator[NDArray[np.int64]]:
        """Yield how often every image is in each sample, [r, images], in parts of all samples.

        width: of what the caller makes of a sample, if that is more numbers than there are images.
        """
        shares, rng = np.full(self.images, 1 / self.images), np.random.default_rng(self.seed)
        rows = max(1, MOST_NUMBERS // max(self.images, width))
        for first in range(0, self.resamples, rows):
            yield rng.multinomial(self.images, shares, min(rows, self.resamples - first))

    def per_image(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Sum numbers or bool of the cases, [n], over each image, [images]."""
        return np.bincount(self.image_of, values, self.images).astype(np.float64)

    def ratios(self, part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
        """Summed ``part`` over summed ``whole`` of every sample, [resamples]; not a number where nothing
        defines it. Both hold numbers or bool of the cases, [n].
        """
        above, below = self.per_image(part), self.per_image(whole)
        return np.concatenate([quotients(draws @ above, draws @ below) for draws in self.draws()])


def quotients(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide [r] by [r]; not a number for a divisor of 0."""
    divided: NDArray[np.float64] = np.full(len(above), np.nan)
    np.divide(above, below, out=divided, where=below > 0)
    return divided


def interval(values: NDArray[np.floating]) -> tuple[float, float] | None:
    """Percentile interval of a figure's samples; None where no sample defines it."""
    if np.isnan(values).all():
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)
