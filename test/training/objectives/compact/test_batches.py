"""Batches of the compact objective."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.scenes import SceneDataSettings
from instructsam_ros.training.objectives.compact.batches import SceneBatches
from instructsam_ros.training.objectives.grounding import CATEGORIES, COLORS


@pytest.fixture
def batches(scene_root, tokenizer):
    """A function from settings to batches of two views each."""

    def make(**settings) -> SceneBatches:
        data = SceneDataSettings((str(scene_root),), 2, 6, curriculum_steps=0, **settings)
        return SceneBatches(data, tokenizer, CATEGORIES, COLORS, num_queries=10, seed=3)

    return make


def test_targets_are_supervised_however_small_the_views(batches):
    """The fixture's are 128x96; what an instruction is about covers a share of the view."""
    made = batches(missing_places=0.0)
    targets = supervised = 0
    for step in range(20):
        views = made.scenes.draw(2 * step, 2, 1.0, np.random.default_rng(step))
        batch = made._collate(views, np.random.default_rng(step))
        true = [sample.grounding.targets for view in views for sample in view]
        targets += sum(map(bool, true))
        supervised += sum(len(a) == len(b) > 0 for a, b in zip(true, batch.targets, strict=True))
    assert targets > 100
    assert supervised > 0.97 * targets


@pytest.mark.parametrize(("kind", "value"), [("category", "stapler"), ("color", "mauve")])
def test_unknown_classes_are_named(batches, kind, value):
    made = batches()
    (first, *_), *_ = made.scenes.draw(0, 2, 1.0, np.random.default_rng(0))
    odd = tuple(dataclasses.replace(labelled, **{kind: value}) for labelled in first.grounding.objects)
    sample = dataclasses.replace(first, grounding=dataclasses.replace(first.grounding, objects=odd))
    with pytest.raises(InvalidInputError, match=f"an object has the {kind} '{value}'; training knows"):
        made._collate([[sample]], np.random.default_rng(0))


def test_a_sample_without_labels_of_all_objects_is_refused(batches):
    made = batches()
    (first, *_), *_ = made.scenes.draw(0, 2, 1.0, np.random.default_rng(0))
    with pytest.raises(InvalidInputError, match="needs labels of all objects"):
        made._collate([[dataclasses.replace(first, grounding=None)]], np.random.default_rng(0))
