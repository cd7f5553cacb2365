"""Plausible names of a colour, and the colour of an object in a photograph."""

from __future__ import annotations

import colorsys
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.assets.catalogue import MIXED

# hue ranges in degrees; red wraps around
_HUES = {
    "red": (345, 375),
    "orange": (16, 38),
    "yellow": (40, 62),
    "green": (75, 165),
    "blue": (195, 250),
    "purple": (258, 305),
    "pink": (318, 350),
}
GRAYS = ("black", "gray", "white")
_SLACK = 9  # degrees by which people's borders between hues differ


def plausible_names(rgb: Sequence[int] | None) -> frozenset[str]:
    """Return all plausible names of a colour; a dark desaturated blue may be blue, black or gray.

    rgb: sRGB 0..255, or None for an unseen object, which has no colour.
    """
    return frozenset() if rgb is None else _plausible(*rgb)


@lru_cache(maxsize=65536)
def _plausible(red: int, green: int, blue: int) -> frozenset[str]:
    hue, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
    degrees = hue * 360
    names = set(_grays(saturation, value))
    if value < 0.14 or saturation <= 0.16:
        return frozenset(names)
    for name, (low, high) in _HUES.items():
        if any(low - _SLACK <= angle <= high + _SLACK for angle in (degrees, degrees + 360)):
            if name == "pink" and (value < 0.45 or saturation > 0.8):
                continue
            names.add("pink" if name == "red" and saturation < 0.35 else name)
    if 10 <= degrees <= 45 and value < 0.62:
        names.add("brown")
    if degrees > 340 or degrees < 12:
        if saturation < 0.62 and value > 0.5:
            names.add("pink")
        if value < 0.3:
            names.add("brown")
    return frozenset(names)


def _grays(saturation: float, value: float) -> list[str]:
    names = []
    if value < 0.22:
        names.append("black")
    if value < 0.14:
        return names
    if saturation < 0.22 or (saturation < 0.3 and value > 0.5):
        names.append("gray")
    if (saturation < 0.22 and value >= 0.8) or (saturation < 0.3 and value > 0.5):
        names.append("white")
    if saturation < 0.35 and value < 0.4:
        names += ["black", "gray"]
    return names


ANY_COLOR = frozenset((*GRAYS, *_HUES, "brown"))
"""What an object may be called whose colour is not known."""
CLEAR_SHARE, LEFT_SHARE = 0.7, 0.2
"""Share of an object's pixels that may have its colour, and that may have one that people also name."""
SATURATED = {"orange": 0.7, "yellow": 0.5, "brown": 0.2}
"""Least median saturation of a clear hue, 0..1, 0.35 for others: crusts are not orange, nor cream yellow."""
_STEP = 16
"""Colours of photographs are told apart in steps of so many of 256 values per channel."""


def measured_colors(pixels: NDArray[np.uint8]) -> tuple[str, frozenset[str]]:
    """Return the colour of an object as a photograph shows it, MIXED where it is not clear, and all names
    that people may give it. pixels: sRGB uint8 [n, 3], of which some may be shadows and highlights.

    A colour is clear where nearly all pixels may have it and few another hue.
    """
    if not len(pixels):
        return MIXED, frozenset()
    steps = 256 // _STEP
    counts = np.bincount((pixels.astype(np.int64) // _STEP) @ (steps * steps, steps, 1))
    shares: dict[str, float] = defaultdict(float)
    for code in np.flatnonzero(counts).tolist():
        step = (code // steps**2, code // steps % steps, code % steps)
        for name in plausible_names([value * _STEP + _STEP // 2 for value in step]):
            shares[name] += int(counts[code]) / len(pixels)
    named = frozenset(name for name, share in shares.items() if share >= LEFT_SHARE)
    hues = [name for name in shares if name not in GRAYS]
    hue = max(hues, key=shares.__getitem__, default="")
    rivals = max((shares[name] for name in hues if name != hue), default=0.0)
    largest = pixels.max(1).astype(np.float64)
    dark, middle, light = np.quantile(largest, (0.2, 0.5, 0.8)) / 255
    if hue and shares[hue] >= CLEAR_SHARE and shares[hue] - rivals >= 0.3:
        saturation = float(np.median(1 - pixels.min(1) / np.maximum(largest, 1)))
        is_pale = saturation < SATURATED.get(hue, 0.35) or (hue == "orange" and middle < 0.6)
        return (MIXED if is_pale else hue), named
    gray = "white" if middle > 0.75 else "black" if middle < 0.2 else "gray"
    is_clear = shares[gray] >= CLEAR_SHARE and (not hue or shares[hue] <= LEFT_SHARE)
    return (gray if is_clear and light - dark < 0.35 else MIXED), named
