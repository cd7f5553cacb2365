"""Placement of objects on the table and on dishes."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.scenes.sampling.layout import HOSTS, footprint, overlap, sample_objects


def test_food_lies_in_the_dish_and_not_on_its_handle() -> None:
    """The middle of every piece is over the part of its dish that holds it."""
    seen = set()
    for seed in range(250):
        objects = sample_objects(np.random.default_rng(seed), held_out=False)
        for item in (o for o in objects if o.parent is not None):
            host = next(o for o in objects if o.id == item.parent)
            seen.add(host.category)
            c, s = np.cos(host.yaw), np.sin(host.yaw)
            x, y = np.array([[c, s], [-s, c]]) @ (item.position - host.position)[:2]
            low, high = host.parts[0].mesh.vertices.min(0), host.parts[0].mesh.vertices.max(0)
            middle, radius = (low + high)[:2] / 2, (high - low)[:2].min() / 2
            assert np.hypot(x - middle[0], y - middle[1]) < radius, (seed, item.category, host.category)
    assert seen == set(HOSTS)


def test_objects_on_the_table_do_not_overlap() -> None:
    for seed in range(40):
        on_table = [
            footprint(o.extent, o.position[:2], o.yaw)
            for o in sample_objects(np.random.default_rng(seed), held_out=False)
            if o.parent is None
        ]
        assert not any(overlap(a, b) for a, b in combinations(on_table, 2))


coordinates, lengths, angles = st.floats(-1, 1), st.floats(0.05, 0.5), st.floats(-np.pi, np.pi)
rectangles = st.builds(
    lambda w, d, x, y, yaw: footprint(np.array([w, d, 0.1]), np.array([x, y]), yaw),
    lengths, lengths, coordinates, coordinates, angles,
)  # fmt: skip


@given(rectangles, rectangles)
def test_rectangles_overlap_exactly_where_their_intersection_has_an_area(first, second) -> None:
    area, _ = cv2.intersectConvexConvex(first.astype(np.float32), second.astype(np.float32))
    assert overlap(first, second) == overlap(second, first)
    if area > 1e-4:
        assert overlap(first, second)
    apart = second + (3.0, 0.0) + (first.max(0) - second.min(0)) * (1, 0)
    assert not overlap(first, apart)
