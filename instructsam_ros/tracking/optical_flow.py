"""Mask propagation by dense optical flow (DIS: Kroeger et al., 2016), kept to the edges of depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.tracking.depth_edges import pull_to_depth_edges
from instructsam_ros.tracking.propagation import PropagatedMask, check_next, check_start
from instructsam_ros.types import tight_box

Array = NDArray[np.float32]
Window = tuple[slice, slice]

_LONGEST_SIDE = 640  # of the images that flow is computed on, pixels
_SAMPLES = 500  # of a mask's motion, to tell where its box goes
_MARGIN_PX = 8  # around where the flow carries a mask's box
_INSIDE = 0.5  # of a mask's values
_ROUND_TRIP_PX = 2.0  # there and back; more is allowed where the motion is fast
_ROUND_TRIP_SHARE = 0.1  # of the motion
_ENOUGH_CONSISTENT = 0.5  # of a mask: inside an evenly coloured object flow means little
_LEAST_CONFIDENCE = 0.5
_LEAST_PIXELS = 25
_BINS = (8, 28, 28)  # of colour histograms: lightness, and both chromas
_RANGES = (0, 256, 16, 240, 16, 240)  # which hold all that sRGB has


@dataclass
class _Track:
    """values: float32 [h, w] in 0..1 in a window of the image, 0 outside; above a half is the mask.

    colours: histogram of the object at the start.
    """

    values: Array
    window: Window
    colours: Array


class OpticalFlowPropagator:
    """MaskPropagator by optical flow from each frame back to the one before.

    Masks are carried as numbers between 0 and 1, so that fractions of a pixel add up over frames. The
    confidence is the similarity of the colours in a mask to those at the start (Bhattacharyya), less where
    the flow there and back does not return; below a half the object is lost, and does not come back.
    """

    def __init__(self) -> None:
        # The slower presets add variational refinement, which smooths over the edges of objects.
        self._backward = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._forward = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._tracks: dict[int, _Track] = {}
        self._size: tuple[int, int] | None = None
        self._grey = np.zeros((0, 0), np.uint8)

    def start(
        self,
        rgb: NDArray[np.uint8],
        masks: Sequence[NDArray[np.bool_]],
        ids: Sequence[int],
        depth: Array | None = None,
    ) -> None:
        """Begin anew; see MaskPropagator.start. ``depth`` is not needed for the first frame."""
        check_start(rgb, masks, ids)
        self._size, self._grey = (rgb.shape[0], rgb.shape[1]), _small_grey(rgb)
        # Finer than the preset: sharper at the edges of objects, and small images cost little.
        self._backward.setFinestScale(1 if max(self._grey.shape) > _LONGEST_SIDE / 2 else 0)
        lab, whole = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), (slice(0, rgb.shape[0]), slice(0, rgb.shape[1]))
        self._tracks = {
            number: _cropped(mask.astype(np.float32), whole, _histogram(lab, mask))
            for number, mask in zip(ids, masks, strict=True)
            if np.count_nonzero(mask) >= _LEAST_PIXELS
        }

    def follow(self, rgb: NDArray[np.uint8], depth: Array | None = None) -> Mapping[int, PropagatedMask]:
        """Return the masks in the next frame; see MaskPropagator.follow."""
        check_next(rgb, self._size)
        if not self._tracks:
            self._grey = _small_grey(rgb)
            return {}
        before, self._grey = self._grey, _small_grey(rgb)
        backward = _full_size(self._backward.calc(self._grey, before, None), rgb.shape)
        forward = _full_size(self._forward.calc(before, self._grey, None), rgb.shape)
        for number, track in list(self._tracks.items()):
            moved = _moved(track, backward, forward)
            if moved is None:
                del self._tracks[number]
                continue
            if depth is not None:
                pull_to_depth_edges(moved.values, depth[moved.window])
            self._tracks[number] = moved
        found: dict[int, PropagatedMask] = {}
        lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
        for number, mask in _separate(self._tracks, rgb.shape[:2]).items():
            alike = float(np.sum(np.sqrt(_histogram(lab, mask) * self._tracks[number].colours)))
            consistent = _consistent_share(mask, backward, forward)
            confidence = min(alike, 1.0) * min(consistent / _ENOUGH_CONSISTENT, 1.0)
            if np.count_nonzero(mask) >= _LEAST_PIXELS and confidence >= _LEAST_CONFIDENCE:
                found[number] = PropagatedMask(mask, confidence)
            else:
                del self._tracks[number]
        return found


def _small_grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    scale = _LONGEST_SIDE / max(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.uint8)


def _full_size(flow: Array, shape: tuple[int, ...]) -> Array:
    """Scale a flow field to the image, float32 [H, W, 2], x y in pixels."""
    height, width = shape[:2]
    if flow.shape[:2] == (height, width):
        return flow
    scale = np.array([width / flow.shape[1], height / flow.shape[0]], np.float32)
    return np.asarray(cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR) * scale)


def _moved(track: _Track, backward: Array, forward: Array) -> _Track | None:
    """Pull a track's values along the backward flow; None where it left the image."""
    height, width = backward.shape[:2]
    rows, columns = track.window
    steps = forward[track.window][track.values > _INSIDE]
    if not len(steps):
        return None
    low, high = np.percentile(steps[:: 1 + len(steps) // _SAMPLES], (1, 99), axis=0)
    x0 = max(int(columns.start + low[0]) - _MARGIN_PX, 0)
    y0 = max(int(rows.start + low[1]) - _MARGIN_PX, 0)
    x1 = min(int(columns.stop + high[0]) + _MARGIN_PX, width)
    y1 = min(int(rows.stop + high[1]) + _MARGIN_PX, height)
    if x0 >= x1 or y0 >= y1:
        return None
    window = slice(y0, y1), slice(x0, x1)
    x, y = _sources(window, backward)
    values = cv2.remap(
        track.values, x - np.float32(columns.start), y - np.float32(rows.start), cv2.INTER_LINEAR
    )
    return _cropped(np.asarray(values, np.float32), window, track.colours)


def _sources(window: Window, flow: Array) -> tuple[Array, Array]:
    """Compute where the pixels of a window come from, x and y in the image, float32 [h, w] each."""
    rows, columns = window
    x = np.arange(columns.start, columns.stop, dtype=np.float32)[None] + flow[window][..., 0]
    y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + flow[window][..., 1]
    return x, y


def _cropped(values: Array, window: Window, colours: Array) -> _Track:
    """Crop values to what is not 0, with a pixel around it for interpolation."""
    (rows, columns), (height, width) = window, values.shape
    x0, y0, x1, y1 = (int(edge) for edge in tight_box(values > 0))
    x0, y0, x1, y1 = max(x0 - 1, 0), max(y0 - 1, 0), min(x1 + 1, width), min(y1 + 1, height)
    place = slice(rows.start + y0, rows.start + y1), slice(columns.start + x0, columns.start + x1)
    return _Track(values[y0:y1, x0:x1].copy(), place, colours)


def _histogram(lab: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Array:
    """Compute the share of a mask's pixels per colour, smoothed over neighbouring colours; they sum up to 1.

    lab: uint8 [H, W, 3], CIELAB as in OpenCV.
    """
    x0, y0, x1, y1 = (int(edge) for edge in tight_box(mask))
    crop, inside = lab[y0:y1, x0:x1], mask[y0:y1, x0:x1].astype(np.uint8)
    if not inside.any():
        return np.zeros(_BINS, np.float32)
    counts = cv2.calcHist([crop], [0, 1, 2], inside, _BINS, _RANGES)
    for axis in range(3):
        counts = np.moveaxis(counts, axis, 0)
        padded = np.concatenate([counts[:1], counts, counts[-1:]])
        counts = np.moveaxis((padded[:-2] + 2 * counts + padded[2:]) / 4, 0, axis)
    return np.asarray(counts / counts.sum(), np.float32)


def _separate(tracks: Mapping[int, _Track], size: tuple[int, int]) -> dict[int, NDArray[np.bool_]]:
    """Give each pixel to the track of the highest value above a half; bool [H, W] by id."""
    best = np.full(size, _INSIDE, np.float32)
    owner = np.full(size, -1, np.int32)
    for index, track in enumerate(tracks.values()):
        higher = track.values > best[track.window]
        best[track.window][higher] = track.values[higher]
        owner[track.window][higher] = index
    return {number: owner == index for index, number in enumerate(tracks)}


def _consistent_share(mask: NDArray[np.bool_], backward: Array, forward: Array) -> float:
    """Compute the share of a mask's pixels that flow back and forth brings home, 0..1."""
    x0, y0, x1, y1 = (int(edge) for edge in tight_box(mask))
    window = slice(y0, y1), slice(x0, x1)
    inside = mask[window]
    if not inside.any():
        return 0.0
    back = backward[window]
    forth = cv2.remap(forward, *_sources(window, backward), cv2.INTER_LINEAR)
    error = np.linalg.norm(back + forth, axis=2)
    limit = _ROUND_TRIP_PX + _ROUND_TRIP_SHARE * np.linalg.norm(back, axis=2)
    return float(np.count_nonzero(inside & (error < limit)) / np.count_nonzero(inside))
