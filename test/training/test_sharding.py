"""FSDP on two processes: shards in memory, whole checkpoints, the same training as without."""

import csv
import os

import pytest
import torch
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env
from torch.distributed.tensor import DTensor

from instructsam_ros.cli import main
from instructsam_ros.errors import ConfigError
from instructsam_ros.paths import share
from instructsam_ros.training import checkpoint
from instructsam_ros.training.config import load_settings
from instructsam_ros.training.sharding import gathered, sharded_like, whole
from instructsam_ros.training.trainer import Trainer
from test.forks import fork_ranks
from test.training.objectives.instructsam.conftest import file  # noqa: F401

CHANGES = [
    "steps=2",
    "lora={r: 4, alpha: 8, dropout: 0.1}",
    "parts={merger: 0.5, vision_tower: 0}",
    "gradient_checkpointing=true",
    "best={metric: giou, mode: max}",
    "checkpoint_every=100",
]


def train(run_file, changes):
    """Train in shards, then once more with a stop."""
    trainer = Trainer(load_settings(run_file, [*changes, "out=fsdp"]))
    trainer.run()
    weights = list(trainer.model.parameters())
    assert all(isinstance(weight, DTensor) for weight in weights)
    own = sum(weight.to_local().numel() for weight in weights)
    assert 0 < own < 0.6 * sum(weight.numel() for weight in weights)
    assert all(isinstance(value["exp_avg"], DTensor) for value in trainer.optimizer.members[0].state.values())
    for until in (1, None):
        Trainer(load_settings(run_file, [*changes, "out=resumed"])).run(until)


def variables_of_launch():
    """What ``accelerate launch --config_file config/accelerate/fsdp.yaml`` sets for its processes."""
    options = ["--config_file", str(share("config", "accelerate", "fsdp.yaml")), "--num_processes", "2"]
    arguments, *_ = _validate_launch_command(launch_command_parser().parse_args([*options, "train.py"]))
    before = dict(os.environ)
    return {k: v for k, v in prepare_multi_gpu_env(arguments).items() if before.get(k) != v}


def test_shards_learn_resume_and_export_as_the_whole_does(file, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    fork_ranks(2, train, file, CHANGES, folder=tmp_path, environment=variables_of_launch())
    sharded, resumed = (checkpoint.load(tmp_path / name) for name in ("fsdp", "resumed"))
    alone = Trainer(load_settings(file, [*CHANGES, "out=alone", "gradient_accumulation_steps=2"]))
    alone.run()  # takes the batches of both processes
    expected = checkpoint.load(tmp_path / "alone")
    for part in ("model", "average"):
        for name, value in expected[part].items():
            assert torch.equal(sharded[part][name], resumed[part][name]), "bit for bit"
            torch.testing.assert_close(sharded[part][name], value, rtol=0, atol=1e-3, msg=name)
    moments = [state["optimizer"][0]["state"] for state in (sharded, resumed, expected)]
    for index, of_parameter in moments[2].items():
        for name, value in of_parameter.items():
            assert torch.equal(moments[0][index][name], moments[1][index][name])
            assert moments[0][index][name].shape == value.shape
    with (tmp_path / "fsdp" / "eval.csv").open() as table:
        assert [float(row["step"]) for row in csv.DictReader(table)] == [2]
    assert (tmp_path / "fsdp" / checkpoint.BEST).exists()
    assert main(["train", str(file), *CHANGES, "out=fsdp", "--export", "model"]) == 0
    # A sharded run goes on in one process, and the other way round: a checkpoint holds whole tensors.
    assert Trainer(load_settings(file, [*CHANGES, "out=fsdp"])).step == 2


@pytest.mark.parametrize(
    ("change", "variables", "message"),
    [
        ("optimizer.muon=true", {"FSDP_VERSION": "2"}, "muon needs whole matrices"),
        ("seed=1", {"FSDP_VERSION": "1"}, "takes fsdp_version: 2"),
    ],
)
def test_what_cannot_be_sharded_is_refused(file, monkeypatch, change, variables, message):  # noqa: F811
    for name, value in {"ACCELERATE_USE_FSDP": "true", **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=message):
        Trainer(load_settings(file, [change]))


def test_the_compact_model_is_not_sharded(compact_settings, monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ConfigError, match=r"compact model is small; launch with config/accelerate/ddp\.yaml"):
        Trainer(compact_settings)


def test_a_whole_tensor_stays_as_it_is():
    tensor = torch.ones(3)
    assert whole(tensor) is tensor
    assert sharded_like(tensor, torch.zeros(3)) is tensor
    assert gathered({"a": [tensor, 2]}, keep=False) == {"a": [tensor, 2]}
