from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from instructsam_ros.lifting.outliers import _clusters, main_body, without_neighbours, without_specks


def body(depth: np.ndarray) -> np.ndarray:
    """Kept pixels, bool [H, W], of a depth image with NaN around the object."""
    rows, columns = np.nonzero(np.isfinite(depth))
    keep = main_body(rows, columns, depth[rows, columns], relative_step=0.02, minimum_share=0.1)
    kept = np.zeros(depth.shape, bool)
    kept[rows[keep], columns[keep]] = True
    return kept


def blank() -> np.ndarray:
    return np.full((60, 60), np.nan, np.float32)


def test_background_through_a_handle_goes():
    depth = blank()
    depth[10:50, 10:50] = 0.6
    depth[25:32, 25:32] = 1.1
    np.testing.assert_array_equal(body(depth), depth == np.float32(0.6))


def test_a_thin_diagonal_stays_whole():
    depth = blank()
    for i in range(5, 55):
        depth[i, i] = 0.5 + 0.004 * i
    np.testing.assert_array_equal(body(depth), np.isfinite(depth))


def test_a_sloping_object_stays_whole():
    depth = blank()
    depth[5:55, 20:40] = 0.5 * 1.01 ** np.arange(50)[:, None]
    np.testing.assert_array_equal(body(depth), np.isfinite(depth))


def test_the_small_far_side_of_a_crossed_object_stays():
    depth = blank()
    depth[20:40, 5:40] = np.linspace(0.5, 0.6, 35)
    depth[28:32, 50:56] = 0.55
    np.testing.assert_array_equal(body(depth), np.isfinite(depth))


@st.composite
def two_parts(draw):
    """Two upright bars [H, W] of which the first is the larger, their depths, and which of the axes is x."""
    first, second = np.zeros((2, 60, 60), bool)
    width, gap = draw(st.integers(6, 15)), draw(st.integers(8, 20))
    first[5:55, 5 : 5 + width] = True
    left, top, height = 5 + width + gap, draw(st.integers(0, 30)), draw(st.integers(10, 30))
    second[top : top + height, left : left + draw(st.integers(4, width))] = True
    depths = draw(st.tuples(st.floats(0.3, 2.0), st.floats(0.9, 1.1)))
    parts = (first, second)
    return tuple(p.T for p in parts) if draw(st.booleans()) else parts, (depths[0], depths[0] * depths[1])


def own(parts, depths, between: float) -> np.ndarray:
    """The mask of the parts without neighbours, where all but the parts is ``between`` metres away."""
    depth = np.full(parts[0].shape, between, np.float32)
    for part, metres in zip(parts, depths, strict=True):
        depth[part] = metres
    return without_neighbours(parts[0] | parts[1], depth, 0.02)


@given(two_parts(), st.floats(1.03, 3.0))
def test_of_two_objects_with_background_between_them_the_larger_stays(case, beyond):
    parts, depths = case
    np.testing.assert_array_equal(own(parts, depths, max(depths) * beyond), parts[0])


@given(two_parts(), st.one_of(st.floats(0.1, 1.0), st.just(np.nan)))
def test_an_object_behind_something_nearer_or_unread_stays_whole(case, nearness):
    parts, depths = case
    np.testing.assert_array_equal(own(parts, depths, max(depths) * nearness), parts[0] | parts[1])


def test_a_part_that_hangs_on_by_the_mask_alone_stays():
    """The sensor does not see a thin stem, and reads the wall behind it."""
    depth = np.full((60, 60), 2.0, np.float32)
    mask = np.zeros((60, 60), bool)
    mask[30:55, 10:50] = mask[5:15, 20:40] = True
    depth[mask] = 0.6
    mask[15:30, 30] = True
    np.testing.assert_array_equal(without_neighbours(mask, depth, 0.02), mask)


def test_a_narrow_break_in_the_mask_parts_nothing():
    depth = np.full((60, 60), 2.0, np.float32)
    mask = np.zeros((60, 60), bool)
    mask[10:50, 5:30] = mask[28:32, 34:55] = True
    depth[mask] = 0.6
    np.testing.assert_array_equal(without_neighbours(mask, depth, 0.02), mask)


def test_what_is_seen_through_the_object_itself_is_not_between():
    """A ring, crossed beside its hole."""
    depth = np.full((60, 60), 2.0, np.float32)
    mask = np.zeros((60, 60), bool)
    mask[10:50, 5:40] = mask[10:50, 46:55] = True
    mask[15:45, 10:35] = False
    depth[mask], depth[:, 40:46] = 0.6, 0.4
    np.testing.assert_array_equal(without_neighbours(mask, depth, 0.02), mask)


def test_specks_go_even_at_the_same_depth():
    depth = blank()
    depth[5:45, 5:45] = 0.5
    depth[57, 57] = 0.5
    assert not body(depth)[57, 57]


@given(st.integers(0, 200), st.integers(0, 2**32 - 1))
def test_something_of_every_cloud_is_kept_in_any_order(count, seed):
    random = np.random.default_rng(seed)
    rows, columns = random.integers(0, 480, count), random.integers(0, 640, count)
    depth = random.uniform(0.1, 10, count).astype(np.float32)
    keep = main_body(rows, columns, depth, relative_step=0.02, minimum_share=0.1)
    assert keep.any() == (count > 0)
    order = random.permutation(count)
    turned = main_body(rows[order], columns[order], depth[order], relative_step=0.02, minimum_share=0.1)
    assert turned.sum() == keep.sum()


CELLS = st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4))


@given(st.lists(CELLS, max_size=30))
def test_clusters_are_those_of_a_walk_over_touching_cells(cells):
    cells = np.array([(0, 0, 0), *cells])  # the first one is the nearest, where layers count from
    depth = np.where(np.arange(len(cells)) > 0, 1.02 ** (cells[:, 2] + 0.5), 1.0).astype(np.float32)
    found = _clusters(3 * cells[:, 0], 3 * cells[:, 1], depth, 0.02)
    expected = list(range(len(cells)))
    for a, b in zip(*np.nonzero(np.abs(cells[:, None] - cells[None]).max(2) <= 1), strict=True):
        old, new = expected[a], expected[b]
        expected = [new if label == old else label for label in expected]
    same = np.equal.outer(expected, expected)
    np.testing.assert_array_equal(np.equal.outer(found, found), same)


def test_stray_pixels_are_no_part_of_a_mask():
    mask = np.zeros((240, 400), bool)
    mask[100:180, 20:120] = True
    expected = mask.copy()
    for row, column in ((3, 350), (4, 250), (230, 300)):
        mask[row, column] = True
    np.testing.assert_array_equal(without_specks(mask), expected)
    small = np.zeros((60, 60), bool)
    small[10:20, 10:20] = True
    expected = small.copy()
    small[50, 40:43] = True  # 3 of 100 pixels
    np.testing.assert_array_equal(without_specks(small), expected)


def test_parts_of_an_object_are_no_specks():
    mask = np.zeros((120, 160), bool)
    mask[20:80, 20:80] = True
    mask[20:30, 120:130] = True  # behind an occluder, 100 of 3600 pixels
    mask[84:86, 40:42] = True  # 4 pixels, close by
    assert without_specks(mask) is mask
    dots = np.zeros((50, 50), bool)
    dots[::10, ::10] = True  # none is larger than the others
    assert without_specks(dots) is dots


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=30)))
def test_only_specks_are_removed(mask):
    clean = without_specks(mask)
    assert not (clean & ~mask).any()
    assert clean.any() == mask.any()
    assert np.array_equal(without_specks(clean), clean)
