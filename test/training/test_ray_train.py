"""Two processes of a Ray cluster train together."""

import sys

import pytest
import torch

from instructsam_ros.cli import main
from instructsam_ros.errors import ConfigError
from instructsam_ros.training import checkpoint
from instructsam_ros.training.config import load_settings
from instructsam_ros.training.ray_train import train_on_ray
from instructsam_ros.training.trainer import Trainer
from test.training.objectives.instructsam.conftest import file  # noqa: F401


def test_without_ray_its_extra_is_named(file, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["train", str(file), "--ray", "local"]) == 2
    assert "pip install 'instructsam-ros[ray]'" in capsys.readouterr().err
    assert main(["train", str(file), "--processes", "2"]) == 2
    assert "--processes goes with --ray" in capsys.readouterr().err


def test_two_workers_share_every_step(file, tmp_path, monkeypatch, capsys):  # noqa: F811
    pytest.importorskip("ray", reason="ray is not installed (pip install 'instructsam-ros[ray]')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no GPU; say how many processes"):
        train_on_ray(load_settings(file, ["out=none"]), "local")
    changes = ["out=on_ray", "steps=3"]
    for more in (["--max-steps", "2"], []):  # the second one continues the first
        assert main(["train", str(file), *changes, "--ray", "local", "--processes", "2", *more]) == 0
    together = checkpoint.load(tmp_path / "on_ray")
    assert together["step"] == 3
    alone = Trainer(load_settings(file, ["out=alone", "steps=3", "gradient_accumulation_steps=2"]))
    alone.run()  # takes the batches of both workers
    for name, value in alone.model.state_dict().items():
        torch.testing.assert_close(together["model"][name], value, rtol=0, atol=1e-3, msg=name)
    assert main(["train", str(file), *changes, "model=.", "--ray", "local", "--processes", "2"]) == 2
    assert "config.json" in capsys.readouterr().err
