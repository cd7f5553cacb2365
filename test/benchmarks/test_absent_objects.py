"""Questions about what is not there name something that is not there."""

import numpy as np

from benchmarks.absent_objects import beside_nothing
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.scenes.instructions import instructions


def test_what_is_named_beside_is_in_no_picture() -> None:
    rng, asked = np.random.default_rng(0), 0
    for path in view_paths(DATA / "scenes"):
        view = load_view(path, depth=False)
        here = {entry["category"] for entry in view.meta["objects"]}
        for item in beside_nothing(view, instructions(view.meta, rng, 40), rng):
            asked += 1
            assert item.targets == ()
            assert item.text.split(" to the left of the ")[1] not in here
    assert asked > 6
