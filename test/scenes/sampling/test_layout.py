"""Where objects are put."""

from __future__ import annotations

import numpy as np

from instructsam_ros.scenes.sampling.layout import HOSTS, sample_objects


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
