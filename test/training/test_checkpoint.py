"""A checkpoint that cannot be written leaves the earlier one whole."""

import errno
import os

import pytest
import torch

from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.training import checkpoint
from instructsam_ros.training.config import InstructSamTrainSettings
from instructsam_ros.yaml_config import build


@pytest.mark.parametrize("kind", [OSError, RuntimeError])
def test_a_full_disk_leaves_the_earlier_checkpoint(tmp_path, monkeypatch, kind):
    checkpoint.save(tmp_path, {"step": 1})

    def fill_up(state, path):
        path.write_bytes(b"half a check")
        raise kind(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(torch, "save", fill_up)
    with pytest.raises(CheckpointError, match=r"last\.pt.*No space left.*earlier one is whole"):
        checkpoint.save(tmp_path, {"step": 2})
    assert checkpoint.load(tmp_path) == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
    with pytest.raises(CheckpointError, match=r"best\.pt.*no earlier one"):
        checkpoint.save(tmp_path, {"step": 2}, checkpoint.BEST)


def test_a_run_without_adapters_exports_none(tmp_path):
    sets = [{"format": "inst2seg", "annotations": "a.json", "images": "."}]
    values = {"objective": "instructsam", "model": "m", "out": str(tmp_path), "steps": 1}
    values |= {"data": {"sets": sets}, "evaluation": {"sets": sets}}
    settings = build(InstructSamTrainSettings, values)
    with pytest.raises(ConfigError, match="trains no adapter"):
        checkpoint.export_adapter(settings, tmp_path / "adapter")
