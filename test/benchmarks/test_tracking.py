"""Scores of ids, and the trackers on a still scene."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.tracking import PlainTracker, answer_of, hidden_objects, identity_scores, measure
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths


@pytest.mark.parametrize(
    ("ids", "f1", "switches"),
    [
        ([[5, 6], [5, 6], [5, 6], [5, 6]], 1.0, 0),
        ([[5, 6], [6, 5], [6, 5], [6, 5]], 0.75, 2),
        ([[5, 6], [7, 6], [8, 6], [9, 6]], 0.625, 3),
    ],
)
def test_f1_and_switches(ids, f1, switches):
    assert identity_scores([[1, 2]] * 4, ids) == (pytest.approx(f1), switches)


def test_a_still_scene_keeps_its_ids_also_where_things_are_hidden():
    view = load_view(view_paths(DATA / "scenes")[0])
    clip = [view] * 12
    hidden = hidden_objects(clip, 4, np.random.default_rng(0))
    assert len(hidden) == 3
    for tracker in ("tf", "camera", "iou"):
        assert measure([clip], 1, True, tracker) == (1.0, 0)


def test_the_plain_tracker_loses_what_jumps():
    view = load_view(view_paths(DATA / "scenes")[0])
    instances = answer_of(view, set()).instances[:3]
    tracker = PlainTracker()
    assert tracker.update(instances) == [1, 2, 3]
    right = np.array([200, 0, 200, 0], np.float32)
    shifted = [replace(i, mask=np.roll(i.mask, 200, 1), box=i.box + right) for i in instances]
    assert tracker.update([*instances[1:], shifted[0]]) == [2, 3, 4]
