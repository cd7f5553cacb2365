"""The configuration of the HMPL engine."""

import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.training.data_engine.hmpl.config import HmplConfig
from instructsam_ros.yaml_config import build

VALUES = {"sets": [{"format": "scenes", "root": "v"}], "vlm": {"local": "qwen"}, "out": "o"}


def test_sets_are_checked():
    assert build(HmplConfig, VALUES).data_sets()[0].format == "scenes"
    assert build(HmplConfig, VALUES | {"sets": [], "people": ["p"]}).data_sets() == []
    for wrong in ({"sets": []}, {"sets": [{"format": "nothing"}]}, {"rounds": 0}):
        with pytest.raises(ConfigError):
            build(HmplConfig, VALUES | wrong)
