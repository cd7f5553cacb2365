"""Outlier removal: specks, background visible through an object, and neighbouring objects."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from instructsam_ros.types import tight_box

_BLOCK_PX = 3
_MAX_BLOCKS = 64
_SPECK_SHARE = 0.01
_SPECK_PX = 5  # in a mask of at least ten times as many
# Masks of thin objects have gaps; parts within this many pixels of each other are one part.
_BREAK_PX = 6
_BRIDGE = np.ones((_BREAK_PX + 1, _BREAK_PX + 1), np.uint8)


def without_specks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Remove the stray pixels of a mask [H, W], which stretch its box; return the mask itself without any.

    Parts are connected components, with narrow gaps closed. A speck has less than a hundredth of the pixels
    of the largest part, or up to 5 and less than a tenth of them.
    """
    x0, y0, x1, y1 = (int(edge) for edge in tight_box(mask))
    crop = np.ascontiguousarray(mask[y0:y1, x0:x1])
    if not crop.size:
        return mask
    count, part = cv2.connectedComponents(cv2.dilate(crop.view(np.uint8), _BRIDGE))
    if count <= 2:  # component 0 is the background
        return mask
    sizes = np.bincount(part[crop], minlength=count)
    largest = int(sizes.max())
    specks = sizes < max(_SPECK_SHARE * largest, min(_SPECK_PX + 1, largest / 10))
    specks[0] = False
    if not specks.any():
        return mask
    clean = mask.copy()
    clean[y0:y1, x0:x1] &= ~specks[part]
    return clean


def without_neighbours(
    mask: NDArray[np.bool_], depth: NDArray[np.float32], relative_step: float
) -> NDArray[np.bool_]:
    """Remove the parts of a mask [H, W] that belong to other objects.

    depth: [H, W] in metres, NaN where there is no reading. Parts are connected components, with narrow
    gaps closed. A part belongs to another object when more than half of the readings between it and the
    part with the most readings are farther than both by ``relative_step``. An object split by an occluder
    is kept whole, because the readings between its parts are nearer, or missing.
    """
    count, part = cv2.connectedComponents(cv2.dilate(mask.view(np.uint8), _BRIDGE))
    if count <= 2:  # component 0 is the background
        return mask
    read = mask & np.isfinite(depth)
    sizes = np.bincount(part[read], minlength=count)
    largest = int(sizes.argmax())
    mean_depth = np.bincount(part[read], depth[read], minlength=count) / np.maximum(sizes, 1)
    body = np.argwhere(mask & (part == largest))
    foreign = np.zeros(count, bool)
    for other in set(np.flatnonzero(sizes > _SPECK_SHARE * sizes[largest])) - {largest}:
        rows, columns = _line_between(body, np.argwhere(mask & (part == other)))
        between = depth[rows, columns][~mask[rows, columns]]
        farther = between > (1 + relative_step) * max(mean_depth[other], mean_depth[largest])
        foreign[other] = 2 * np.count_nonzero(farther) > np.count_nonzero(np.isfinite(between))
    return np.asarray(mask & ~foreign[part])


def main_body(
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    depth: NDArray[np.float32],
    *,
    relative_step: float,
    minimum_share: float,
) -> NDArray[np.bool_]:
    """Classify which of N points belong to the object, bool [N].

    rows, columns: pixels [N]. depth: metres [N], all valid. Points are grouped into cells of a
    few pixels by ``relative_step`` in depth, and adjacent cells into clusters, so a thin object
    is kept whole. A cluster is kept when it has ``minimum_share`` of the points of the largest one,
    or when it is more than a speck and lies within the depth range of the largest one (a part of an
    object behind an occluder).
    """
    if not len(depth):
        return np.zeros(0, bool)
    cluster = _clusters(rows, columns, depth, relative_step)
    sizes = np.bincount(cluster)
    if len(sizes) == 1:
        return np.ones(len(depth), bool)
    largest = int(sizes.argmax())
    body = depth[cluster == largest]
    near, far = body.min(), body.max()
    mean_depth = np.bincount(cluster, depth) / sizes
    beside = (sizes >= _SPECK_SHARE * sizes[largest]) & (mean_depth >= near) & (mean_depth <= far)
    keep = (sizes >= minimum_share * sizes[largest]) | beside
    return np.asarray(keep[cluster])


def _line_between(
    start: NDArray[np.intp], end: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of a line between two sets of pixels [N, 2], where they are close."""
    last = end[np.square(end - start.mean(0)).sum(1).argmin()]
    first = start[np.square(start - last).sum(1).argmin()]
    steps = np.linspace(0, 1, int(np.abs(last - first).max()) + 1)[:, None]
    rows, columns = np.rint(first + steps * (last - first)).astype(np.intp).T
    return rows, columns


def _clusters(
    rows: NDArray[np.intp], columns: NDArray[np.intp], depth: NDArray[np.float32], relative_step: float
) -> NDArray[np.intp]:
    """Return the cluster index [N], from 0, of every point."""
    rows, columns = (rows - rows.min()).astype(np.int32), (columns - columns.min()).astype(np.int32)
    block = max(_BLOCK_PX, int(max(rows.max(), columns.max())) // _MAX_BLOCKS + 1)
    # Equal steps of log depth are proportional to depth, as are sensor noise and pixel footprint.
    layer = (np.log(depth / depth.min()) * np.float32(1 / np.log1p(relative_step))).astype(np.int32)
    rows, columns = rows // block, columns // block
    shape = [int(each.max()) + 1 for each in (rows, columns, layer)]
    cells = (rows * shape[1] + columns) * shape[2] + layer  # flat indices, three times as fast as triples
    occupied = np.zeros(shape, bool)
    occupied.reshape(-1)[cells] = True
    number, _ = ndimage.label(occupied, np.ones((3, 3, 3)))
    return np.asarray(number.take(cells) - 1)
