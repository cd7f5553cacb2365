"""Which instructions training draws."""

from __future__ import annotations

from instructsam_ros.training import scene_data
from instructsam_ros.training.classes import CATEGORIES, COLORS
from instructsam_ros.training.scene_data import SceneBatches, SceneDataSettings


def test_what_is_named_and_yet_not_the_answer_is_practised(scene_root, tokenizer, monkeypatch):
    """ "The mug left of the bowl", and no bowl: rows with a phrase that names something, and no targets."""
    settings = SceneDataSettings(roots=(str(scene_root),), images=2, instructions=2, curriculum_steps=0)
    batches = SceneBatches(settings, tokenizer, CATEGORIES, COLORS, num_queries=10, seed=3)
    unheard = []
    monkeypatch.setattr(scene_data, "UNHEARD_PRACTICE", {})
    for practice in (0.5, 4.0):
        monkeypatch.setattr(scene_data, "UNHEARD_ELSEWHERE", practice)
        drawn = [batches[step] for step in range(40)]
        rows = [row for batch in drawn for row in zip(batch.named, batch.targets, strict=True)]
        unheard.append(sum(bool(named) and not targets for named, targets in rows) / len(rows))
    assert 0 < 1.4 * unheard[0] < unheard[1] < 0.8
