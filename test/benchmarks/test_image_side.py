"""The benchmark of the image side alone."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.image_side import ObjectResult, image_results, load_objective, row
from instructsam_ros.errors import CheckpointError
from instructsam_ros.training.data.annotated_images import GroundedImage
from instructsam_ros.training.data.sample import LabelledObject
from instructsam_ros.training.objectives.compact.objective import CompactObjective
from instructsam_ros.training.objectives.grounding import CATEGORIES
from test.training.conftest import compact_settings, scene_root, small_model_file  # noqa: F401


def test_every_object_of_a_size_is_outlined_and_named_where_its_noun_is_known(
    compact_settings,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    objective = CompactObjective(compact_settings, tmp_path)
    objective.model.eval()
    vision = objective.model.config.vision
    id_map = np.zeros((vision["height"], vision["width"]), np.uint8)
    id_map[:20, :20], id_map[32:60, 32:60], id_map[0, 40:44] = 1, 2, 3
    objects = (LabelledObject(1, "mug", ""), LabelledObject(2, "", ""), LabelledObject(3, "mug", ""))
    image = GroundedImage(np.full((*id_map.shape, 3), 90, np.uint8), id_map, objects, ())
    with torch.no_grad():  # a head that calls everything a mug
        objective.heads.category.weight.zero_()
        objective.heads.category.bias[:] = -1.0
        objective.heads.category.bias[CATEGORIES.index("mug")] = 1.0
    square = torch.from_numpy(id_map[::2, ::2] == 1)[None].float() - 0.5
    monkeypatch.setattr(objective.model.detector, "fine_logits", lambda *_: square)
    assert image_results(objective, image) == [ObjectResult(1.0, True), ObjectResult(0.0, None)]


def test_a_row_counts_objects_and_known_nouns() -> None:
    results = [ObjectResult(0.6, True), ObjectResult(0.2, False), ObjectResult(0.7, None)]
    assert row("bin", results) == "| bin | 3 | 50.0 | 66.7 | 50.0 |"
    assert row("bin", [ObjectResult(math.sqrt(0.25), None)]) == "| bin | 1 | 50.0 | 0.0 | - |"


def test_a_run_without_a_checkpoint_is_named(compact_settings, tmp_path: Path) -> None:  # noqa: F811
    with pytest.raises(CheckpointError, match="has no checkpoint yet"):
        load_objective(dataclasses.replace(compact_settings, out=str(tmp_path)))
