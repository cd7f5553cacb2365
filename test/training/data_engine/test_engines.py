"""Engines by name."""

import pytest
import yaml

from instructsam_ros.errors import ConfigError
from instructsam_ros.training.data_engine.engines import load_engine
from instructsam_ros.training.data_engine.hmpl.run import HmplEngine
from instructsam_ros.training.data_engine.inst2seg.run import Inst2SegEngine

VLM = {"server": {"url": "http://127.0.0.1:1/v1", "model": "m"}}


def test_configurations_are_read_with_overrides(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"frames": {"folder": "videos"}, "vlm": VLM, "out": "out"}))
    engine = load_engine("inst2seg", path, ["limits.money=3", "questions=5"])
    assert isinstance(engine, Inst2SegEngine)
    assert (engine.limits.money, engine.config.questions) == (3.0, 5)
    with pytest.raises(ConfigError, match="frames"):
        load_engine("hmpl", path)
    sets = [{"format": "scenes", "root": "views"}]
    path.write_text(yaml.safe_dump({"sets": sets, "vlm": VLM, "out": "out"}))
    assert isinstance(load_engine("hmpl", path), HmplEngine)
