"""A batch of two rendered views with three instructions each."""

import pytest

from instructsam_ros.training.data.scenes import SceneDataSettings
from instructsam_ros.training.objectives.compact.batches import SceneBatches
from instructsam_ros.training.objectives.grounding import CATEGORIES, COLORS


@pytest.fixture
def batch(scene_root, tokenizer):
    settings = SceneDataSettings(roots=(str(scene_root),), images=2, instructions=3, jitter=0.0)
    return SceneBatches(settings, tokenizer, CATEGORIES, COLORS, num_queries=10, seed=3)[0]
