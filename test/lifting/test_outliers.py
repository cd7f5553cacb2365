from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.lifting.outliers import _components, main_body


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


@given(st.integers(1, 30), st.data())
def test_components_are_those_of_a_walk(count, data):
    node = st.integers(0, count - 1)
    links = data.draw(st.lists(st.tuples(node, node), max_size=40))
    found = _components(count, np.array(links, np.intp).reshape(-1, 2).T)
    expected = list(range(count))
    for a, b in links:
        old, new = expected[a], expected[b]
        expected = [new if label == old else label for label in expected]
    same = np.equal.outer(expected, expected)
    np.testing.assert_array_equal(np.equal.outer(found, found), same)
