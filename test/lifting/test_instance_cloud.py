"""The point cloud of one instance, and removal of support-plane points from it."""

from __future__ import annotations

import numpy as np
import pytest

from instructsam_ros.lifting import LiftSettings
from instructsam_ros.lifting.instance_cloud import InstanceCloud, instance_cloud, window_of, without_plane
from instructsam_ros.lifting.plane import Plane
from instructsam_ros.types import CameraModel, Frame, Instance, tight_box

HEIGHT, WIDTH = 24, 32
PINHOLE = CameraModel(WIDTH, HEIGHT, 30.0, 30.0, 16.0, 12.0)
TABLE = Plane(np.array([0.0, 0.0, -1.0]), -1.0, inlier_ratio=0.5)
"""One metre below a camera that looks straight down."""
EXACT = LiftSettings(rim_px=0)


def instance(rows: slice, columns: slice) -> Instance:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[rows, columns] = True
    return Instance(mask, tight_box(mask), 0.9, "thing")


def frame(depth: np.ndarray) -> Frame:
    return Frame(np.zeros((HEIGHT, WIDTH, 3), np.uint8), depth.astype(np.float32), PINHOLE)


def test_every_point_lies_on_the_ray_of_its_pixel() -> None:
    depth = 1 + 0.001 * np.indices((HEIGHT, WIDTH)).sum(0)
    cloud = instance_cloud(frame(depth), instance(slice(4, 12), slice(6, 20)), EXACT)
    rows, columns = np.divmod(cloud.pixels, WIDTH)
    assert len(cloud.pixels) == 8 * 14
    assert cloud.valid_ratio == 1.0
    expected = depth[rows, columns][:, None] * np.stack(
        [(columns - 16) / 30, (rows - 12) / 30, np.ones(len(rows))], 1
    )
    np.testing.assert_allclose(cloud.points, expected, rtol=1e-5, atol=1e-6)


def test_the_rim_and_steps_of_depth_are_left_out() -> None:
    depth = np.full((HEIGHT, WIDTH), 2.0)
    depth[3:13, 5:21] = 1.5  # readings between object and background
    depth[4:12, 6:20] = 1.0
    found = instance(slice(4, 12), slice(6, 20))
    trimmed = instance_cloud(frame(depth), found, LiftSettings(rim_px=2))
    assert len(trimmed.pixels) == (8 - 4) * (14 - 4)
    wide = instance(slice(3, 13), slice(5, 21))
    assert set(instance_cloud(frame(depth), wide, EXACT).points[:, 2]) == {1.0}


def test_readings_out_of_range_count_as_invalid() -> None:
    depth = np.full((HEIGHT, WIDTH), 1.0)
    depth[4:8] = 50.0
    cloud = instance_cloud(frame(depth), instance(slice(4, 12), slice(6, 20)), EXACT)
    assert cloud.valid_ratio == 0.5
    assert cloud.points[:, 2].max() == 1.0


@pytest.mark.parametrize(("ratio", "points", "low"), [(0.5, 30, False), (0.1, 30, True), (0.5, 10, True)])
def test_few_readings_are_low_depth(ratio: float, points: int, low: bool) -> None:
    cloud = InstanceCloud(np.arange(points), np.ones((points, 3), np.float32), ratio)
    assert cloud.low_depth(LiftSettings(min_valid_ratio=0.2, min_points=20)) == low


def cloud_of(depth: np.ndarray, found: Instance) -> InstanceCloud:
    """All readings of the mask, nothing removed."""
    pixels = np.flatnonzero(found.mask)
    rows, columns = np.divmod(pixels, WIDTH)
    z = depth[rows, columns]
    points = np.stack([(columns - 16) / 30 * z, (rows - 12) / 30 * z, z], 1).astype(np.float32)
    return InstanceCloud(pixels, points, 1.0)


def test_plane_points_near_the_border_of_a_tall_object_are_removed() -> None:
    depth = np.full((HEIGHT, WIDTH), 1.0)
    depth[6:18, 8:24] = 0.9
    found = instance(slice(4, 20), slice(6, 26))  # two pixels of the table all around
    kept = without_plane(cloud_of(depth, found), found, TABLE, LiftSettings())
    assert len(kept.points) == 12 * 16
    assert kept.points[:, 2].max() < 0.95


def test_the_bottom_of_a_bowl_is_kept() -> None:
    depth = np.full((HEIGHT, WIDTH), 0.9)
    depth[11:13, 15:17] = 1.0  # far from the border of the mask
    found = instance(slice(0, 24), slice(0, 32))
    cloud = cloud_of(depth, found)
    assert len(without_plane(cloud, found, TABLE, LiftSettings(rim_px=1)).points) == len(cloud.points)


@pytest.mark.parametrize("plane", [None, TABLE])
def test_a_flat_object_and_one_without_a_plane_are_kept(plane: Plane | None) -> None:
    depth = np.full((HEIGHT, WIDTH), 0.99)
    found = instance(slice(4, 20), slice(6, 26))
    cloud = cloud_of(depth, found)
    assert without_plane(cloud, found, plane, LiftSettings()) is cloud


def test_the_window_stays_in_the_image() -> None:
    mask = instance(slice(0, 5), slice(20, 32)).mask
    assert mask[window_of(instance(slice(0, 5), slice(20, 32)))].sum() == mask.sum()
    assert window_of(instance(slice(3, 5), slice(4, 9))) == (slice(2, 6), slice(3, 10))


@pytest.mark.parametrize(
    ("pixels", "line"),
    [
        ([(5, c) for c in range(20)], True),
        ([(r, 5) for r in range(20)], True),
        ([(c // 3, c) for c in range(20)], True),
        ([(7, 7)], True),
        ([(r, c) for r in (5, 6) for c in range(20)], False),
        ([(5, c) for c in range(12)] + [(r, 5) for r in range(12)], False),
        ([], False),
    ],
    ids=["row", "column", "slanted", "pixel", "two rows", "corner", "nothing"],
)
def test_a_line_of_pixels_is_known(pixels, line):
    flat = np.array([row * WIDTH + column for row, column in pixels], np.intp)
    cloud = InstanceCloud(flat, np.zeros((len(flat), 3), np.float32), 1.0)
    assert cloud.is_line(WIDTH) is line
