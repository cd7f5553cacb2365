"""Plausible names of a rendered colour."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from functools import lru_cache

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
