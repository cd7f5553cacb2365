"""Clouds of the same object from several views, joined on a grid of voxels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError

MAX_VOXELS = 50_000
"""Of one object, 3.2 MB; beyond, those seen least often are forgotten."""
MAX_OBJECTS = 20
"""Beyond, the object that has not been seen for longest is forgotten."""
_BITS = 20
_HALF = 1 << (_BITS - 1)
_SAME_PLACE = 0.1
"""Share of a view's points that must lie in or beside known voxels, or the object has been moved."""
_NEIGHBOURS = np.array(np.meshgrid(*[(-1, 0, 1)] * 3)).reshape(3, -1).T


class VoxelCloud:
    """Mean place and colour of the points in every voxel of a grid, from any number of views.

    voxel: edge in metres. Memory is bounded by MAX_VOXELS.
    """

    def __init__(self, voxel: float) -> None:
        if not voxel > 0:
            raise InvalidInputError(f"the edge of a voxel is {voxel} metres; it must be positive")
        self._voxel = voxel
        self._keys: NDArray[np.int64] = np.zeros(0, np.int64)
        self._sums: NDArray[np.float64] = np.zeros((0, 7))  # x y z r g b and the number of points

    def add(self, points: NDArray[np.floating], colors: NDArray[np.uint8]) -> None:
        """Add a view: points [N, 3] in metres in a fixed frame, colors [N, 3]. An object that has been moved
        begins anew.
        """
        cells = np.floor(np.asarray(points, np.float64) / self._voxel).astype(np.int64)
        near = np.abs(cells).max(1) < _HALF - 1  # 500 m at 1 mm
        cells, points, colors = cells[near], points[near], colors[near]
        if not len(cells):
            return
        if len(self._keys) and not self._touches(np.unique(cells, axis=0)):
            self._keys, self._sums = self._keys[:0], self._sums[:0]
        keys, inverse = np.unique(np.concatenate([self._keys, _packed(cells)]), return_inverse=True)
        rows = np.concatenate([self._sums, np.column_stack([points, colors, np.ones(len(points))])])
        columns = [np.bincount(inverse, column, len(keys)) for column in rows.T]
        sums = np.stack(columns, axis=1).astype(np.float64)
        if len(keys) > MAX_VOXELS:
            kept = np.sort(np.argsort(-sums[:, 6], kind="stable")[:MAX_VOXELS])
            keys, sums = keys[kept], sums[kept]
        self._keys, self._sums = keys, sums

    def cloud(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return points float32 [N, 3] and colors uint8 [N, 3], one of each voxel."""
        means = self._sums[:, :6] / self._sums[:, 6:]
        return means[:, :3].astype(np.float32), np.rint(means[:, 3:]).astype(np.uint8)

    def _touches(self, cells: NDArray[np.int64]) -> bool:
        around = _packed((cells[:, None] + _NEIGHBOURS).reshape(-1, 3)).reshape(len(cells), -1)
        return bool(np.isin(around, self._keys).any(1).mean() >= _SAME_PLACE)


class Fusion:
    """A VoxelCloud for every id, of MAX_OBJECTS at most."""

    def __init__(self, voxel: float) -> None:
        self.voxel = voxel
        self._clouds: dict[int, VoxelCloud] = {}

    def add(self, number: int, points: NDArray[np.floating], colors: NDArray[np.uint8]) -> None:
        """Add a view of the object with an id; see VoxelCloud.add."""
        cloud = self._clouds.pop(number, None) or VoxelCloud(self.voxel)
        cloud.add(points, colors)
        self._clouds[number] = cloud  # now the last to be forgotten
        if len(self._clouds) > MAX_OBJECTS:
            del self._clouds[next(iter(self._clouds))]

    def clouds(self) -> Mapping[int, tuple[NDArray[np.float32], NDArray[np.uint8]]]:
        """Return points and colors by id."""
        return {number: cloud.cloud() for number, cloud in self._clouds.items()}


def _packed(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pack cells [N, 3] into one number each."""
    x, y, z = (cells + _HALF).T
    return np.asarray((x << 2 * _BITS) | (y << _BITS) | z, np.int64)
