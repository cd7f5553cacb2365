"""Which instructions training draws."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data import scenes
from instructsam_ros.training.data.scenes import SceneBatches, SceneDataSettings
from instructsam_ros.training.objectives.grounding import CATEGORIES, COLORS


@pytest.fixture
def batches(scene_root, tokenizer):
    """A function from settings to batches of two views each."""

    def make(**settings) -> SceneBatches:
        data = SceneDataSettings((str(scene_root),), 2, 6, curriculum_steps=0, **settings)
        return SceneBatches(data, tokenizer, CATEGORIES, COLORS, num_queries=10, seed=3)

    return make


def told(batches, steps=30):
    """Instructions of every view of the first steps."""
    views = [(path, (step, i)) for step in range(steps) for i, path in enumerate(batches._choose(step))]
    return [batches._sample(path, 0, np.random.default_rng(seed))[1] for path, seed in views]


def test_what_is_named_and_yet_not_the_answer_is_practised(batches, monkeypatch):
    """ "The mug left of the bowl", and it stands on the right."""
    shares = []
    for practice in (0.1, 100.0):
        monkeypatch.setattr(scenes, "UNHEARD", practice)
        said = [item for items in told(batches(missing_places=0.0)) for item in items]
        shares.append(sum(bool(item.phrase_ids) and not item.targets for item in said) / len(said))
    assert 3 * shares[0] < shares[1] < 0.5


def test_a_missing_place_follows_the_same_place_that_is_there(batches):
    twins = 0
    for items in told(batches(missing_places=1.0)):
        assert len(items) == 6
        for before, item in zip([None, *items], items, strict=False):
            if item.anchor_is_absent:
                assert before is not None
                assert before.targets
                assert (before.template, before.phrase) == (item.template, item.phrase)
                twins += 1
    assert twins > 20


def test_no_missing_places_unless_wanted(batches):
    said = [item for items in told(batches(missing_places=0.0)) for item in items]
    assert said
    assert not [item.text for item in said if item.anchor_is_absent]


def test_what_is_there_is_taught_as_there_however_small_the_views(batches):
    """The fixture's are 128x96; what an instruction is about covers a share of the view."""
    made = batches(missing_places=0.0)
    taught = kept = 0
    for step in range(20):
        views = [(path, (step, i)) for i, path in enumerate(made._choose(step))]
        samples = [made._sample(path, 0, np.random.default_rng(seed)) for path, seed in views]
        batch = made._collate(samples, np.random.default_rng(step))
        wanted = [item.targets for _, items, _ in samples for item in items]
        taught += sum(map(bool, wanted))
        kept += sum(len(a) == len(b) > 0 for a, b in zip(wanted, batch.targets, strict=True))
    assert taught > 100
    assert kept > 0.97 * taught


@pytest.mark.parametrize(("kind", "value"), [("category", "stapler"), ("color", "mauve")])
def test_classes_that_training_does_not_know_are_named(batches, kind, value):
    made = batches()
    view, said, mirrored = made._sample(made.paths[0], 0, np.random.default_rng(0))
    odd = view.meta | {"objects": [entry | {kind: value} for entry in view.meta["objects"]]}
    sample = (dataclasses.replace(view, meta=odd), said, mirrored)
    with pytest.raises(InvalidInputError, match=f"an object has the {kind} '{value}'; training knows"):
        made._collate([sample], np.random.default_rng(0))
