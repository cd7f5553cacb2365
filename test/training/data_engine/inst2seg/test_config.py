"""The configuration of the Inst2Seg engine."""

import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.training.data_engine.inst2seg.config import Inst2SegConfig
from instructsam_ros.yaml_config import build

VALUES = {"frames": {"folder": "v"}, "vlm": {"local": "qwen"}, "out": "o"}


def test_ranges_are_checked():
    assert build(Inst2SegConfig, VALUES).questions == 8
    for wrong in ({"questions": 0}, {"filters": {"box": 2}}, {"limits": {"replies": 0}}, {"frames": {}}):
        with pytest.raises(ConfigError):
            build(Inst2SegConfig, VALUES | wrong)
