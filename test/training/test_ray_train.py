"""Two processes of a Ray cluster train together."""

import secrets
import subprocess
import sys

import pytest
import torch

from instructsam_ros.cli import main
from instructsam_ros.errors import ConfigError
from instructsam_ros.training import checkpoint
from instructsam_ros.training.config import load_settings
from instructsam_ros.training.ray_train import train_on_ray
from instructsam_ros.training.trainer import Trainer
from test.forks import fork_ranks
from test.training.objectives.instructsam.conftest import file  # noqa: F401


def test_without_ray_its_extra_is_named(file, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["train", str(file), "--ray", "local"]) == 2
    assert "pip install 'instructsam-ros[ray]'" in capsys.readouterr().err
    assert main(["train", str(file), "--processes", "2"]) == 2
    assert "--processes goes with --ray" in capsys.readouterr().err


CLUSTER = """
import ray
print(ray.init("local", num_cpus=2, include_dashboard=False).address_info["gcs_address"], flush=True)
input()
"""
STARTS = 4
"""A busy machine may be too slow for the 30 s that Ray waits for its own start."""


@pytest.fixture
def cluster(monkeypatch):
    """The address of a Ray cluster of this machine that lives as long as the test."""
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex())  # both programs have to know it
    pytest.importorskip("ray", reason="ray is not installed (pip install 'instructsam-ros[ray]')")
    for _ in range(STARTS):
        with subprocess.Popen(
            [sys.executable, "-c", CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            address = process.stdout.readline().strip()
            if address:
                yield address
                process.communicate("\n")
                return
    pytest.fail(f"Ray did not start in {STARTS} attempts")


def train(run_file):
    """Train as a process of ``accelerate launch`` does."""
    Trainer(load_settings(run_file, ["out=launched", "steps=3"])).run()


def test_two_workers_end_with_the_weights_of_two_processes(file, cluster, tmp_path, monkeypatch, capsys):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no GPU; say how many processes"):
        train_on_ray(load_settings(file, ["out=none"]), cluster)
    on_ray = ["--ray", cluster, "--processes", "2"]
    changes = ["out=on_ray", "steps=3"]
    for more in (["--max-steps", "2"], []):  # the second one continues the first
        assert main(["train", str(file), *changes, *on_ray, *more]) == 0
    together = checkpoint.load(tmp_path / "on_ray")
    assert together["step"] == 3
    fork_ranks(2, train, file, folder=tmp_path)
    launched = checkpoint.load(tmp_path / "launched")
    assert together["model"].keys() == launched["model"].keys()
    differences = torch.cat(
        [(together["model"][name] - value).abs().flatten() for name, value in launched["model"].items()]
    )
    # Processes sum in different orders, and Adam makes whole steps of gradients as small as rounding.
    assert (differences > 1e-5).float().mean() < 1e-3
    assert differences.mean() < 1e-6
    assert main(["train", str(file), *changes, "model=.", *on_ray]) == 2
    assert "config.json" in capsys.readouterr().err
