"""Values held out from training occur in validation scenes only."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.scenes.assets.catalogue import CATALOGUE
from instructsam_ros.scenes.assets.textures import SURFACES
from instructsam_ros.scenes.instructions import instructions, is_held_out
from instructsam_ros.scenes.instructions.templates import paraphrases
from instructsam_ros.scenes.sampling.layout import sample_objects
from instructsam_ros.scenes.sampling.scene import _sample_surroundings
from instructsam_ros.scenes.sampling.splits import manifest
from test.scenes.scene_metadata import DEPTH, ROW, TABLE

SCENES = range(40)


def pairs_in(*, held_out: bool) -> set[tuple[str, str]]:
    scenes = (sample_objects(np.random.default_rng(seed), held_out=held_out) for seed in SCENES)
    return {(item.color, item.category) for objects in scenes for item in objects}


def test_held_out_pairs_occur_in_validation_scenes_only() -> None:
    assert not pairs_in(held_out=False) & set(manifest().pairs)
    assert len(pairs_in(held_out=True) & set(manifest().pairs)) >= 8


def test_surfaces_are_held_out() -> None:
    def surfaces(held_out: bool) -> set[str]:
        return {
            _sample_surroundings(np.random.default_rng(seed), "table", held_out).surface for seed in SCENES
        }

    assert not surfaces(False) & set(manifest().surfaces)
    assert surfaces(True) & set(manifest().surfaces)


def test_the_manifest_names_existing_values() -> None:
    assert all(color in CATALOGUE[category].colors for color, category in manifest().pairs)
    assert set(manifest().surfaces) <= set(SURFACES)
    tables = paraphrases()
    families = [*tables.sentence_templates.values(), *tables.constructs.values()]
    known = {template.id for templates in families for template in templates}
    assert set(manifest().templates) <= known
    assert 0.05 < len(manifest().templates) / len(known) < 0.2


def test_no_training_template_contains_a_held_out_one() -> None:
    tables = paraphrases()
    for families in (tables.sentence_templates, tables.constructs):
        for family in families.values():
            kept = [template.text for template in family if template.held_out]
            assert not [t.text for t in family if not t.held_out and any(text in t.text for text in kept)]


def test_training_uses_no_held_out_template_or_pair() -> None:
    rng = np.random.default_rng(0)
    training = [i for scene in (ROW, TABLE, DEPTH) for _ in range(60) for i in instructions(scene, rng, 12)]
    assert not [i for i in training if is_held_out(i.template)]
    named = {tuple(i.phrase.split(" ", 1)) for i in training}
    assert not named & set(manifest().pairs)
    validation = [i for _ in range(60) for i in instructions(ROW, rng, 12, split="heldout")]
    assert 0.05 < np.mean([is_held_out(i.template) for i in validation]) < 0.5


def test_splits_have_seeds_of_their_own() -> None:
    starts = sorted(manifest().seeds.values())
    assert all(b - a == 100_000_000 for a, b in pairwise(starts))
    assert manifest().scene_seed("heldout", 5) == manifest().seeds["heldout"] + 5
    with pytest.raises(ConfigError, match="unknown split"):
        manifest().scene_seed("test", 0)
