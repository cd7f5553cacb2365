import numpy as np
import pytest

from instructsam_ros.tracking.depth_edges import pull_to_depth_edges


def scene(near=0.5, far=1.0, edge=30):
    """Depth of something near on the left and a wall on the right."""
    depth = np.full((40, 60), far, np.float32)
    depth[:, :edge] = near
    return depth


def mask_up_to(column):
    values = np.zeros((40, 60), np.float32)
    values[10:30, 5:column] = 1
    return values


@pytest.mark.parametrize("column", [28, 32])
def test_an_outline_that_is_off_by_two_pixels_moves_to_the_edge(column):
    values = mask_up_to(column)
    for _ in range(10):
        pull_to_depth_edges(values, scene())
    np.testing.assert_array_equal(values[20] > 0.5, mask_up_to(30)[20] > 0.5)


@pytest.mark.parametrize("depth", [scene(1.0, 1.0), scene(1.0, 1.01), np.full((40, 60), np.nan, np.float32)])
def test_without_an_edge_nothing_moves(depth):
    values = mask_up_to(32)
    pull_to_depth_edges(values, depth)
    np.testing.assert_array_equal(values, mask_up_to(32))


def test_flying_pixels_between_both_sides_stay_as_they_are():
    depth, values = scene(), mask_up_to(32)
    depth[:, 30:32] = 0.75
    pull_to_depth_edges(values, depth)
    np.testing.assert_array_equal(values[20], mask_up_to(32)[20])


def test_one_frame_moves_an_outline_only_a_part_of_the_way():
    values = mask_up_to(32)
    pull_to_depth_edges(values, scene())
    assert (values[20, 30:32] > 0.5).all()
    assert (values[20, 30:32] < 1).all()
