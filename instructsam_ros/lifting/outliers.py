"""The main body of an instance: without specks, background seen through it, and other objects beside it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_BLOCK_PX = 3
_MAX_BLOCKS = 64
_SPECK_SHARE = 0.01
# A mask breaks where a thing is thin: parts within this many pixels of each other are one.
_BREAK_PX = 6
_BRIDGE = np.ones((_BREAK_PX + 1, _BREAK_PX + 1), np.uint8)


def without_neighbours(
    mask: NDArray[np.bool_], depth: NDArray[np.float32], relative_step: float
) -> NDArray[np.bool_]:
    """A mask [H, W] without the parts that belong to another object.

    depth: [H, W] in metres, NaN where there is no reading. A part is what hangs together but for
    narrow breaks. It is another object's when more than half of what is seen between it and the
    part with the most readings is farther than both by ``relative_step``. An object that something
    crosses in front of stays whole: what lies between its parts is nearer, or has no reading.
    """
    count, part = cv2.connectedComponents(cv2.dilate(mask.view(np.uint8), _BRIDGE))
    if count <= 2:  # the first one is all that is outside
        return mask
    read = mask & np.isfinite(depth)
    sizes = np.bincount(part[read], minlength=count)
    largest = int(sizes.argmax())
    mean_depth = np.bincount(part[read], depth[read], minlength=count) / np.maximum(sizes, 1)
    body = np.argwhere(mask & (part == largest))
    foreign = np.zeros(count, bool)
    for other in set(np.flatnonzero(sizes > _SPECK_SHARE * sizes[largest])) - {largest}:
        rows, columns = _way(body, np.argwhere(mask & (part == other)))
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
    """Which of N points belong to the object, bool [N].

    rows, columns: pixels [N]. depth: metres [N], all valid. Points are grouped into cells of a
    few pixels by ``relative_step`` in depth, and touching cells into clusters, so a thin object
    stays whole. A cluster is kept when it has ``minimum_share`` of the points of the largest one,
    or when it is more than a speck and lies within the depths of the largest one (the far side of
    an object that something crosses in front of).
    """
    if not len(depth):
        return np.zeros(0, bool)
    cluster = _clusters(rows, columns, depth, relative_step)
    sizes = np.bincount(cluster)
    if len(sizes) == 1:
        return np.ones(len(depth), bool)
    largest = int(sizes.argmax())
    near, far = np.quantile(depth[cluster == largest], (0.0, 1.0))
    mean_depth = np.bincount(cluster, depth) / sizes
    beside = (sizes >= _SPECK_SHARE * sizes[largest]) & (mean_depth >= near) & (mean_depth <= far)
    keep = (sizes >= minimum_share * sizes[largest]) | beside
    return np.asarray(keep[cluster])


def _way(start: NDArray[np.intp], end: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the line between two sets of pixels [N, 2], where they are near each other."""
    last = end[np.square(end - start.mean(0)).sum(1).argmin()]
    first = start[np.square(start - last).sum(1).argmin()]
    steps = np.linspace(0, 1, int(np.abs(last - first).max()) + 1)[:, None]
    rows, columns = np.rint(first + steps * (last - first)).astype(np.intp).T
    return rows, columns


def _clusters(
    rows: NDArray[np.intp], columns: NDArray[np.intp], depth: NDArray[np.float32], relative_step: float
) -> NDArray[np.intp]:
    """Cluster number [N], counted from 0, of every point."""
    rows, columns = (rows - rows.min()).astype(np.int32), (columns - columns.min()).astype(np.int32)
    block = max(_BLOCK_PX, int(max(rows.max(), columns.max())) // _MAX_BLOCKS + 1)
    # Steps of log depth are steps relative to depth, the way a sensor's noise and pixel size grow.
    layer = (np.log(depth / depth.min()) * np.float32(1 / np.log1p(relative_step))).astype(np.int32)
    cells = (rows // block, columns // block, layer)
    occupied = np.zeros([int(c.max()) + 1 for c in cells], bool)
    occupied[cells] = True
    number, _ = ndimage.label(occupied, np.ones((3, 3, 3)))
    return np.asarray(number[cells] - 1)
