"""A photograph of red and blue halves, and labels of it, for tests."""

from functools import partial

import numpy as np

from instructsam_ros.training.data.noun_instructions import Entity, NounLabels
from instructsam_ros.training.data.sample import Phrase, Sample

H, W = 90, 120


def square(x, y, side):
    """Reads one square mask."""
    mask = np.zeros((1, H, W), bool)
    mask[0, y : y + side, x : x + side] = True
    return lambda: mask


def labels(*objects, absent=()):
    """Complete labels of some nouns. objects: (noun, reader of the mask)."""
    nouns = frozenset(noun for noun, _ in objects)
    return NounLabels(
        entities=tuple(Entity(noun, mask) for noun, mask in objects),
        exhaustive=nouns,
        absent=frozenset(absent),
        classes=nouns | frozenset(absent),
    )


def photograph(boxes_only=False, nouns=None):
    rgb = np.zeros((H, W, 3), np.uint8)
    rgb[:, : W // 2] = (200, 20, 20)
    rgb[:, W // 2 :] = (20, 40, 200)
    nothing = partial(np.zeros, (0, H, W), bool)
    return Sample(
        "a.jpg", lambda: rgb, "", (Phrase("", nothing),), boxes_only=boxes_only, source="test", nouns=nouns
    )
