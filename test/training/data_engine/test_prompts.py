"""Prompts and their versions."""

import pytest
import yaml

from instructsam_ros.errors import ConfigError
from instructsam_ros.training.data_engine.prompts import FOLDER, Prompt, load_prompts


@pytest.mark.parametrize("engine", ["inst2seg", "hmpl"])
def test_own_prompts_have_a_version_and_name_their_task(engine):
    prompts = load_prompts(engine)
    assert prompts.version >= 1
    for stage in prompts.stages:
        assert prompts[stage].system.startswith(f"TASK: {stage}\n")


def test_values_are_filled_in():
    assert Prompt("", "$count of $what").fill({"count": "2", "what": "tea"}) == "2 of tea"
    with pytest.raises(ConfigError, match="what"):
        Prompt("", "$what").fill({})


def test_a_users_file_needs_all_stages(tmp_path):
    values = yaml.safe_load((FOLDER / "hmpl.yaml").read_text())
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**values, "version": 7}))
    assert load_prompts("hmpl", path).version == 7
    del values["stages"]["inspect"]
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match="inspect"):
        load_prompts("hmpl", path)
