"""Batches of the compact objective."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.models.instructsam.detector import Phrases
from instructsam_ros.training.collate import IGNORE
from instructsam_ros.training.data import scenes
from instructsam_ros.training.data.scenes import SceneDataSettings
from instructsam_ros.training.objectives.compact import batches
from instructsam_ros.training.objectives.compact.batches import SceneBatches
from instructsam_ros.training.objectives.compact.targets import scene_targets
from instructsam_ros.training.objectives.grounding import CATEGORIES, COLORS


@pytest.fixture
def make_batches(scene_root, tokenizer):
    """A function from settings to batches of two views each."""

    def make(**settings) -> SceneBatches:
        data = SceneDataSettings((str(scene_root),), 2, 6, curriculum_steps=0, **settings)
        return SceneBatches(data, tokenizer, CATEGORIES, COLORS, num_queries=10, seed=3)

    return make


def test_targets_are_supervised_however_small_the_views(make_batches):
    """The fixture's are 128x96; what an instruction is about covers a share of the view."""
    made = make_batches(missing_places=0.0)
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
def test_unknown_classes_are_named(make_batches, kind, value):
    made = make_batches()
    (first, *_), *_ = made.scenes.draw(0, 2, 1.0, np.random.default_rng(0))
    odd = tuple(dataclasses.replace(labelled, **{kind: value}) for labelled in first.grounding.objects)
    sample = dataclasses.replace(first, grounding=dataclasses.replace(first.grounding, objects=odd))
    with pytest.raises(InvalidInputError, match=f"an object has the {kind} '{value}'; training knows"):
        made._collate([[sample]], np.random.default_rng(0))


def test_a_sample_without_labels_of_all_objects_is_refused(make_batches):
    made = make_batches()
    (first, *_), *_ = made.scenes.draw(0, 2, 1.0, np.random.default_rng(0))
    with pytest.raises(InvalidInputError, match="needs labels of all objects"):
        made._collate([[dataclasses.replace(first, grounding=None)]], np.random.default_rng(0))


def test_a_view_that_no_instruction_fits_gives_way_to_another(scene_root, tokenizer, monkeypatch):
    real, calls = scenes.instructions, []

    def none_at_first(*args, **kwargs):
        calls.append(args)
        return [] if len(calls) == 1 else real(*args, **kwargs)

    monkeypatch.setattr(scenes, "instructions", none_at_first)
    settings = SceneDataSettings(roots=(str(scene_root),), images=2, instructions=3)
    batch = SceneBatches(settings, tokenizer, CATEGORIES, COLORS, num_queries=10, seed=3)[0]
    assert len(calls) == 3
    assert len(batch.rows.ids) == len(batch.targets) == 2 * 3


def test_views_that_no_instruction_fits_are_an_error(scene_root, tokenizer, monkeypatch):
    monkeypatch.setattr(scenes, "instructions", lambda *_, **__: [])
    settings = SceneDataSettings(roots=(str(scene_root),), images=2, instructions=3)
    with pytest.raises(InvalidInputError, match="no instruction fits"):
        SceneBatches(settings, tokenizer, CATEGORIES, COLORS, num_queries=10, seed=3)[0]


def test_a_batch_of_another_size_has_the_same_instructions(scene_root, tokenizer, monkeypatch):
    """The same size fifty times over, so that the draw does not fall on the views' own. Without objects of a
    few pixels, whose masks differ at another size.
    """
    monkeypatch.setattr(batches, "MIN_SHARE", 0.0078)
    plain, smaller = (
        SceneBatches(
            SceneDataSettings(
                roots=(str(scene_root),), images=2, instructions=3, sizes=sizes, unknown_words=0
            ),
            tokenizer, CATEGORIES, COLORS, num_queries=10, seed=3,
        )
        for sizes in ((), ((96, 64),) * 50)
    )  # fmt: skip
    large, small = plain[0], smaller[0]
    assert large.images.shape == (2, 3, 96, 128)
    assert small.images.shape == (2, 3, 64, 96)
    assert small.id_maps.shape == (2, 32, 48)
    assert large.targets == small.targets
    assert torch.equal(large.rows.ids, small.rows.ids)
    wide, narrow = scene_targets(large), scene_targets(small)
    assert torch.allclose(wide.boxes, narrow.boxes, atol=1.5 / 32)  # a pixel of the small masks and a half
    assert (wide.masks.float().mean((1, 2)) - narrow.masks.float().mean((1, 2))).abs().max() < 0.01


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_sampled_ids_are_those_at_the_middle(rows, columns, stride):
    ids = np.arange(rows * stride * columns * stride).reshape(rows * stride, columns * stride)
    middle = stride // 2
    assert np.array_equal(batches.sampled(ids, rows, columns), ids[middle::stride, middle::stride])


def test_labels_of_the_batch_are_learned_tokens_only(batch):
    assert (batch.rows.labels[~batch.rows.valid] == IGNORE).all()
    assert np.array_equal((batch.rows.queries.sum(1)).numpy(), np.full(6, 10))


def test_phrases_are_padded_apart(batch):
    phrases = Phrases(torch.zeros(*batch.rows.phrase_ids.shape, 4), batch.rows.phrase_valid)
    assert phrases.key_mask.shape == (6, 1, 1, batch.rows.phrase_ids.shape[1])
