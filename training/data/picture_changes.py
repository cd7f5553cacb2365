"""Random changes of photographs with their labels: another framing, mirroring, objects pasted into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.assets.nouns import everyday_nouns
from instructsam_ros.training.data.labelled_pictures import MAX_OBJECTS, LabelledPicture, PictureLabel
from instructsam_ros.training.data.transforms import random_pattern

SCALES = (0.7, 2.2)
"""Smallest and largest magnification of a photograph."""
STRETCH = 0.1
"""Standard deviation of the logarithm of the change of its aspect ratio."""
CUTOUT_AREAS = (0.004, 0.25)
"""Shares of the picture of objects that are cut out of it."""
CUTOUT_SCALES = (0.6, 1.4)


@dataclass(frozen=True)
class Cutout:
    """An object of a photograph. rgb: uint8 [h, w, 3]. mask: bool [h, w]. label: as in its photograph."""

    rgb: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    label: PictureLabel


def whole(picture: LabelledPicture, size: tuple[int, int]) -> LabelledPicture:
    """Return all of a picture at the model's size (width, height), which does not keep its aspect ratio."""
    height, width = picture.id_map.shape
    matrix = np.array([[size[0] / width, 0, 0], [0, size[1] / height, 0]])
    matrix[:, 2] = (matrix[:, :2].sum(1) - 1) / 2  # pixel centres are at whole numbers
    return _warped(picture, matrix, size, None)


def random_crop(picture: LabelledPicture, size: tuple[int, int], rng: np.random.Generator) -> LabelledPicture:
    """Return a picture at a random magnification, stretch and place, at the model's size (width, height).

    Around a reduced picture is a random pattern.
    """
    height, width = picture.id_map.shape
    scale = np.exp(rng.uniform(*np.log(SCALES)))
    stretch = np.exp(rng.normal(0, STRETCH))
    scales = np.array([scale * stretch, scale / stretch])
    offset = rng.random(2) * np.array(size) * (1 - scales)
    factors = scales * size / (width, height)
    matrix = np.column_stack([np.diag(factors), offset + (factors - 1) / 2])
    return _warped(picture, matrix, size, rng)


def mirrored(picture: LabelledPicture) -> LabelledPicture:
    """Return a picture with left and right swapped."""
    return replace(picture, rgb=picture.rgb[:, ::-1], id_map=picture.id_map[:, ::-1])


def cutouts(picture: LabelledPicture) -> list[Cutout]:
    """Cut out the objects with everyday nouns and masks that are neither hidden nor cut by the border."""
    height, width = picture.id_map.shape
    found = []
    for label in picture.labels:
        if label.is_box or label.noun not in everyday_nouns():
            continue
        mask = picture.id_map == label.id
        left, top, across, down = cv2.boundingRect(mask.astype(np.uint8))
        share, visible = mask.mean(), mask.sum() / max(label.pixels, 1.0)
        is_cut = left == 0 or top == 0 or left + across == width or top + down == height
        if is_cut or visible < 0.9 or not CUTOUT_AREAS[0] <= share <= CUTOUT_AREAS[1]:
            continue
        part = slice(top, top + down), slice(left, left + across)
        found.append(Cutout(picture.rgb[part], mask[part], label))
    return found


def paste(
    rgb: NDArray[np.uint8],
    id_map: NDArray[np.uint8],
    objects: Sequence[Cutout],
    rng: np.random.Generator,
    taken: int = 0,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], tuple[PictureLabel, ...]]:
    """Paste objects over a picture at random places and scales, as far as there are ids for them.

    rgb: uint8 [H, W, 3] and id_map: uint8 [H, W], which stay as they are. taken: largest id of
    an object, visible or not. Returns the new ones and the labels
    of the pasted objects, whose ids are new (Ghiasi et al., arXiv 2012.07177).
    """
    rgb, id_map, labels = rgb.copy(), id_map.copy(), []
    height, width = id_map.shape
    used = id_map[id_map <= MAX_OBJECTS]
    first = max(int(used.max(initial=0)), taken) + 1
    for number, each in enumerate(objects[: MAX_OBJECTS + 1 - first], first):
        scale = float(np.exp(rng.uniform(*np.log(CUTOUT_SCALES))))
        wide, high = (
            int(np.clip(round(side * scale), 2, limit - 1))
            for side, limit in zip(each.mask.shape[::-1], (width, height), strict=True)
        )
        left, top = int(rng.integers(width - wide)), int(rng.integers(height - high))
        part = slice(top, top + high), slice(left, left + wide)
        patch = cv2.resize(each.rgb, (wide, high), interpolation=cv2.INTER_AREA)
        mask = cv2.resize(each.mask.astype(np.float32), (wide, high), interpolation=cv2.INTER_LINEAR)
        alpha = cv2.GaussianBlur(mask, (3, 3), 0)[..., None]
        rgb[part] = (alpha * patch + (1 - alpha) * rgb[part] + 0.5).astype(np.uint8)
        id_map[part][mask > 0.5] = number
        pixels = float((mask > 0.5).sum())
        labels.append(replace(each.label, id=number, pixels=pixels, perhaps=_elsewhere(each.label)))
    return rgb, id_map, tuple(labels)


def _elsewhere(label: PictureLabel) -> frozenset[str]:
    """Nouns that another data set may have for an object: broader and narrower ones, too."""
    nouns = everyday_nouns()
    narrower = {name for name, noun in nouns.items() if label.noun in noun.broader}
    return label.perhaps | nouns[label.noun].broader | narrower


def _warped(
    picture: LabelledPicture,
    matrix: NDArray[np.float64],
    size: tuple[int, int],
    rng: np.random.Generator | None,
) -> LabelledPicture:
    rgb = cv2.warpAffine(picture.rgb, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    ids = cv2.warpAffine(picture.id_map, matrix, size, flags=cv2.INTER_NEAREST)
    if rng is not None:
        inside = cv2.warpAffine(np.ones_like(picture.id_map), matrix, size, flags=cv2.INTER_NEAREST)
        if not inside.all():
            rgb = np.where(inside[..., None] > 0, rgb, random_pattern(size[1], size[0], rng))
    area = float(matrix[0, 0] * matrix[1, 1])
    labels = tuple(replace(label, pixels=label.pixels * area) for label in picture.labels)
    return replace(picture, rgb=rgb, id_map=ids, labels=labels)
