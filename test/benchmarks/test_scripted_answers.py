"""What the scripted model says is true, but for faults."""

import numpy as np
import pytest

from benchmarks.scripted_answers import Scene, ScriptedAnswers, nearest_scene, thumbnails
from benchmarks.scripted_vlm import Faults
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.training.data_engine.pictures import numbered_overlay


@pytest.fixture(scope="module")
def scenes():
    return [Scene(path.stem, load_view(path, depth=False)) for path in view_paths(DATA / "scenes")[:2]]


def test_a_noisy_copy_shows_the_same_scene(scenes):
    noisy = scenes[1].view.rgb // 2 * 2
    assert nearest_scene(thumbnails(scenes), noisy) == 1


def test_the_checker_tells_right_from_wrong_outlines(scenes):
    answers = ScriptedAnswers(scenes, Faults(), 0)
    scene = scenes[0]
    ids = [
        entry["id"] for entry in scene.view.meta["objects"] if (scene.view.ids == entry["id"]).sum() > 2000
    ]
    answers.truth[scene.name, "it"] = (ids[0],)
    answers.truth[scene.name, "none"] = ()
    for shown, verdicts in ((ids[:1], [True, False]), (ids[:2], [False, False]), ([], [False, True])):
        masks = (
            np.stack([scene.view.ids == each for each in shown]) if shown else np.zeros((0, 480, 640), bool)
        )
        overlay = numbered_overlay(scene.view.rgb, masks)
        reply = answers.answer("check", "0: it\n1: none", [scene.view.rgb, overlay], 2)
        assert [each["accept"] for each in reply["verdicts"]] == verdicts
