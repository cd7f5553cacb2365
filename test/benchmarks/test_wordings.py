"""Pairs of wordings mean the same; their differences are resampled over pictures."""

import numpy as np

from benchmarks.wordings import interval, pairs
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.scenes.instructions import is_held_out


def test_both_wordings_of_a_pair_mean_the_same() -> None:
    found = [pair for path in view_paths(DATA / "scenes") for pair in pairs(load_view(path), 3, 6)]
    assert len(found) > 20
    for trained, held_out in found:
        assert (trained.targets, trained.kind) == (held_out.targets, held_out.kind)
        assert is_held_out(held_out.template)
        assert not is_held_out(trained.template)


def test_interval_counts_pictures_not_questions() -> None:
    picture = np.repeat([0, 1], 50)
    values = np.repeat([0.0, 1.0], 50)
    assert interval(values, picture) == (0.0, 1.0)
    assert interval(np.full(100, 0.5), picture) == (0.5, 0.5)
