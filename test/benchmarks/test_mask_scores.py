import numpy as np
import pytest

from benchmarks.mask_scores import boundary, boundary_accuracy, region_similarity


def square(x, y, side=20, size=(100, 100)):
    mask = np.zeros(size, bool)
    mask[y : y + side, x : x + side] = True
    return mask


NOTHING = np.zeros((100, 100), bool)


def test_region_similarity():
    assert region_similarity(square(10, 10), square(10, 10)) == 1
    assert region_similarity(square(10, 10), square(20, 10)) == pytest.approx(200 / 600)
    assert region_similarity(square(10, 10), NOTHING) == 0
    assert region_similarity(NOTHING, NOTHING) == 1


def test_a_boundary_is_a_pixel_wide():
    expected = np.array(
        [
            [1, 1, 1, 0],
            [1, 0, 1, 0],
            [1, 1, 1, 0],
            [0, 0, 0, 0],
        ],
        bool,
    )
    np.testing.assert_array_equal(boundary(square(1, 1, side=2, size=(4, 4))), expected)


@pytest.mark.parametrize(("shift", "score"), [(0, 1.0), (2, 1.0)])
def test_boundaries_within_the_tolerance_meet(shift, score):
    """0.8 % of the diagonal of 141 pixels, rounded up, is 2 pixels."""
    assert boundary_accuracy(square(10 + shift, 10), square(10, 10)) == score


def test_boundary_accuracy_of_a_shift_beyond_the_tolerance():
    """Outlines are rings of 80 pixels. Of one shifted by 10 to the right half of the upper and the lower side
    (11 columns) meets the other's, with 2 columns beside it, and 2 rows of the left side at either end.
    """
    upper_and_lower, beside = 2 * 11, 2 * 2
    upright = 2 * 2  # of the left side, near the other's upper and lower sides
    expected = (upper_and_lower + beside + upright) / 80
    assert boundary_accuracy(square(20, 10), square(10, 10)) == pytest.approx(expected)


def test_boundary_accuracy_without_a_boundary():
    assert boundary_accuracy(NOTHING, NOTHING) == 1
    assert boundary_accuracy(square(10, 10), NOTHING) == 0
    assert boundary_accuracy(NOTHING, square(10, 10)) == 0
    assert boundary_accuracy(square(10, 10), square(60, 60)) == 0
