from pathlib import Path

import numpy as np
import pytest

from benchmarks.propagation import (
    EverythingSegmenter,
    answer_frames,
    keep_still,
    propagate,
    row,
    scores,
    switches,
    true_masks,
)
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.segmenter import load


@pytest.fixture(scope="module")
def clip():
    return [load_view(view_paths(Path(DATA) / "scenes")[0])] * 4


@pytest.mark.parametrize("with_depth", [False, True])
def test_a_still_scene_is_followed(clip, with_depth):
    track = propagate(clip, with_depth=with_depth)
    assert set(track.masks[-1]) == set(true_masks(clip[0]))
    j, f = np.mean(scores(clip, track.masks), axis=0)
    assert j > 0.95
    assert f > 0.98
    assert switches(clip, track.masks) == 0


def test_exact_masks_score_1_and_what_is_not_found_scores_0(clip):
    exact = keep_still(clip).masks
    assert np.mean(scores(clip, exact)) == 1
    missing = [*exact[:-1], {}]
    assert np.mean(scores(clip, missing)) == pytest.approx(3 / 4)


def test_ids_that_change_are_counted(clip):
    exact = true_masks(clip[0])
    one, other, *_ = exact
    swapped = {**exact, one: exact[other], other: exact[one]}
    assert switches(clip, [exact, swapped, swapped, exact]) == 4


def test_the_model_is_asked_as_often_as_is_said(clip):
    view = clip[0]
    names = {item["id"]: "thing" for item in view.meta["objects"]}
    model = EverythingSegmenter(load("fake", ids=view.ids, names=names))
    assert [answer_frames(clip, model, refresh).asked for refresh in (1, 2, 9)] == [4, 2, 1]
    line = row("fake", [clip], lambda frames: answer_frames(frames, model, 2)).split()
    assert line[0] == "fake"
    assert float(line[3]) > 95
    assert line[4:6] == ["0", "2"]
