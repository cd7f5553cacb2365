"""A training file says how a run computes."""

import pytest
import torch

from instructsam_ros.models.instructsam import placement
from instructsam_ros.training.scene_data import SceneDataSettings
from instructsam_ros.training.settings import EvaluationSettings, TrainSettings

CPU = torch.device("cpu")


def settings(**changes):
    data, evaluation = SceneDataSettings(roots=("views",)), EvaluationSettings("views")
    return TrainSettings("compact", data, evaluation, out="run", steps=3, init="model", **changes)


@pytest.mark.parametrize(("able", "expected"), [(True, "bf16"), (False, "no")])
def test_precision_follows_the_processor_unless_it_is_set(monkeypatch, able, expected):
    monkeypatch.setattr(placement, "computes_bfloat16", lambda device: able)
    assert settings().mixed_precision(CPU) == expected
    assert settings(precision="bf16").mixed_precision(CPU) == "bf16"
    assert settings(precision="no").mixed_precision(CPU) == "no"
    assert settings().mixed_precision(torch.device("cuda")) == "bf16"
