"""Masks from boxes by ground truth."""

import numpy as np

from benchmarks.scripted_answers import Scene
from benchmarks.scripted_masks import ScriptedMasks
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.types import tight_box


def test_a_box_gives_its_object_and_a_box_elsewhere_something_in_it():
    scenes = [Scene(path.stem, load_view(path, depth=False)) for path in view_paths(DATA / "scenes")[:2]]
    view = scenes[1].view
    truth = view.ids == view.meta["objects"][0]["id"]
    box = tight_box(truth)
    masks = ScriptedMasks(scenes)(view.rgb, np.array([box, [0, 0, 9, 9]], float), ["a", "b"])
    assert (masks[0] == truth).all()
    assert masks[1].any()
    assert tight_box(masks[1])[2] <= 11
