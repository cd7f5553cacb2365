"""Confidence intervals by resampling whole images: answers about one image are not independent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
CONFIDENCE = 0.95


def image_draws(images: Sequence[str], seed: int, resamples: int = RESAMPLES) -> NDArray[np.int64]:
    """How often every case counts in each sample of the images, [resamples, n].

    images: of n cases; a case of no image ("") is drawn by itself.
    """
    keys = [image or f"#{number}" for number, image in enumerate(images)]
    names, image_of = np.unique(keys, return_inverse=True)
    shares = np.full(len(names), 1 / len(names))
    counts = np.random.default_rng(seed).multinomial(len(names), shares, resamples)
    return np.asarray(counts[:, image_of], np.int64)


def ratios(part: NDArray[Any], whole: NDArray[Any], draws: NDArray[np.int64]) -> NDArray[np.float64]:
    """Summed ``part`` over summed ``whole`` of every sample, [resamples]; not a number where nothing defines
    it. Both hold numbers or bool, [n].
    """
    above, below = draws @ part, draws @ whole
    quotients: NDArray[np.float64] = np.full(len(draws), np.nan)
    np.divide(above, below, out=quotients, where=below > 0)
    return quotients


def interval(values: NDArray[np.floating]) -> tuple[float, float] | None:
    """Percentile interval of a figure's samples; None where no sample defines it."""
    if np.isnan(values).all():
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)
