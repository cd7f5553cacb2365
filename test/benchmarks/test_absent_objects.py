"""Absent anchors are absent from the view."""

import numpy as np

from benchmarks.absent_objects import left_of_absent_anchors
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.scenes.instructions import instructions


def test_the_anchor_is_absent_and_leaves_no_target() -> None:
    rng, found = np.random.default_rng(0), 0
    for path in view_paths(DATA / "scenes"):
        view = load_view(path, depth=False)
        present = {entry["category"] for entry in view.meta["objects"]}
        for item in left_of_absent_anchors(view, instructions(view.meta, rng, 40), rng):
            found += 1
            assert item.targets == ()
            assert item.text.split(" to the left of the ")[1] not in present
    assert found > 6
