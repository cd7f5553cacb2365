"""Quaternions and rotation matrices. SciPy's take 0.7 s to import, a tenth of the node's start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError


def quaternion(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quaternion x y z w, float64 [4], of unit length, w >= 0, of a rotation matrix [3, 3]."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    # Its eigenvector of the largest eigenvalue (Bar-Itzhack 2000); eigh reads the lower triangle.
    matrix = np.diag([xx - yy - zz, yy - xx - zz, zz - xx - yy, xx + yy + zz])
    matrix[1, 0] = xy + yx
    matrix[2, :2] = xz + zx, yz + zy
    matrix[3, :3] = zy - yz, xz - zx, yx - xy
    turn = np.linalg.eigh(matrix)[1][:, -1]
    return np.asarray(turn if turn[3] >= 0 else -turn)


def rotation_matrix(turn: Sequence[float]) -> NDArray[np.float64]:
    """Rotation matrix [3, 3] of a quaternion x y z w of any length. Raises InvalidInputError for length 0."""
    length = np.linalg.norm(turn)
    if not length > 0:
        raise InvalidInputError(f"a quaternion of x y z w {list(turn)} is no rotation")
    x, y, z, w = np.asarray(turn, np.float64) / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
