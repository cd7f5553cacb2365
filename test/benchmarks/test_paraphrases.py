"""Paired paraphrases have the same meaning; their differences are resampled over scenes."""

import numpy as np

from benchmarks.paraphrases import interval, pairs
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.scenes.instructions import is_held_out


def test_both_paraphrases_of_a_pair_have_the_same_meaning() -> None:
    found = [pair for path in view_paths(DATA / "scenes") for pair in pairs(load_view(path), 3, 6)]
    assert len(found) > 20
    for trained, held_out in found:
        assert (trained.targets, trained.kind) == (held_out.targets, held_out.kind)
        assert is_held_out(held_out.template)
        assert not is_held_out(trained.template)


def test_the_interval_resamples_scenes_not_instructions() -> None:
    scene = np.repeat([0, 1], 50)
    values = np.repeat([0.0, 1.0], 50)
    assert interval(values, scene) == (0.0, 1.0)
    assert interval(np.full(100, 0.5), scene) == (0.5, 0.5)
