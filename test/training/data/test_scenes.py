"""Which instructions training draws."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from instructsam_ros.training.data import scenes
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.data.scenes import SceneDataSettings, TrainingScenes


def drawn(root, steps=30, **settings) -> list[list[Sample]]:
    """Samples of every view of the first steps, two views of six instructions each."""
    made = TrainingScenes(SceneDataSettings((str(root),), 2, 6, **settings), seed=3)
    return [
        view for step in range(steps) for view in made.draw(2 * step, 2, 1.0, np.random.default_rng(step))
    ]


def has_absent_anchor(sample: Sample) -> bool:
    """Whether an instruction names a noun that the view has, and an anchor that it has not."""
    found = sample.grounding
    return bool(found.phrase_ids) and found.has_absent_referent


def test_hard_negatives_are_drawn_by_their_weight(scene_root, monkeypatch):
    """ "The mug left of the bowl", where it is on the right."""
    shares = []
    for weight in (0.1, 100.0):
        monkeypatch.setattr(scenes, "HARD_NEGATIVE_WEIGHT", weight)
        found = [sample.grounding for view in drawn(scene_root, missing_places=0.0) for sample in view]
        shares.append(sum(bool(item.phrase_ids) and not item.targets for item in found) / len(found))
    assert 3 * shares[0] < shares[1] < 0.5


def test_an_absent_anchor_follows_the_same_instruction_with_its_anchor(scene_root):
    twins = 0
    for view in drawn(scene_root, missing_places=1.0):
        assert len(view) == 6
        for before, sample in pairwise(view):
            if has_absent_anchor(sample) and before.phrases[0].text == sample.phrases[0].text:
                assert before.labels["kind"] == sample.labels["kind"]
                twins += bool(before.grounding.targets) and not sample.grounding.targets
    assert twins > 20


def test_no_absent_anchors_unless_set(scene_root):
    found = [sample for view in drawn(scene_root, missing_places=0.0) for sample in view]
    assert found
    assert not [s.instruction for s in found if has_absent_anchor(s) and s.labels["kind"] != "host_with"]


def test_masks_and_ids_are_mirrored_with_the_image(scene_root):
    plain, mirrored = (drawn(scene_root, steps=3, mirror=share) for share in (0.0, 1.0))
    checked = 0
    for one, other in zip(plain, mirrored, strict=True):
        assert np.array_equal(one[0].read(), other[0].read()[:, ::-1])
        for sample in other:
            assert np.array_equal(sample.grounding.id_map, one[0].grounding.id_map[:, ::-1])
            assert len(sample.masks()) == len(sample.grounding.targets)
            checked += len(sample.masks())
    assert checked


def test_absent_nouns_are_named_once_about_each_view_without_a_target(scene_root):
    for view in drawn(scene_root, steps=5, absent=("rolling pin",)):
        named = [sample for sample in view if "rolling pin" in sample.instruction]
        assert len(view) == 6
        assert named == view[-1:]
        assert named[0].masks().shape == (0, *named[0].read().shape[:2])
        assert named[0].grounding.has_absent_referent
        assert not named[0].grounding.targets
