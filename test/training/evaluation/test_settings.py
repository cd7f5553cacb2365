from pathlib import Path

import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.training.evaluation.settings import EvaluationFile
from instructsam_ros.yaml_config import build

VALUES = {"out": "out", "data": {"annotations": "a.json", "images": "images"}}


def test_defaults_are_the_compact_model_on_inst2seg():
    settings = build(EvaluationFile, VALUES)
    assert [model.title for model in settings.models] == ["compact"]
    assert (settings.protocol, settings.out) == ("inst2seg", Path("out"))


def test_titles_tell_models_apart():
    models = [{"model": "compact"}, {"model": "compact", "options": {"dtype": "float32"}}]
    settings = build(EvaluationFile, {**VALUES, "models": models})
    assert [model.title for model in settings.models] == ["compact", "compact {'dtype': 'float32'}"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": []}, "models is empty"),
        ({"models": [{"model": "a"}, {"model": "a"}]}, "two models have the same name"),
        ({"protocol": "x"}, "'x' is no protocol"),
        ({"limit": -1}, "limit must be at least 0"),
        ({"worst": -1}, "worst must be at least 0"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_settings_that_cannot_work_are_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        build(EvaluationFile, {**VALUES, **changes})
