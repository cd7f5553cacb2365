"""A run that was stopped and started again ends like one that never stopped, bit for bit."""

import dataclasses

import pytest
import torch

from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.settings import build
from instructsam_ros.training import checkpoints
from instructsam_ros.training.settings import TrainSettings, load_settings
from instructsam_ros.training.trainer import Trainer, learning_rate

STEPS = 4


@pytest.fixture
def settings(small_model_file, scene_root, published_backbone, tmp_path):
    return build(
        TrainSettings,
        {
            "model": str(small_model_file),
            "backbone": str(published_backbone),
            "out": str(tmp_path / "run"),
            "steps": STEPS,
            "image_only_steps": 1,
            "checkpoint_every": 1,
            "log_every": 1,
            "threads": 1,
            "workers": 0,
            "vocabulary_views": 6,
            "data": {"roots": [str(scene_root)], "images": 2, "instructions": 2},
            "evaluation": {"root": str(scene_root), "every": 100, "views": 2, "instructions": 2},
        },
    )


def weights(trainer):
    return {
        **trainer.model.state_dict(),
        **{f"average.{k}": v for k, v in trainer.average.model.state_dict().items()},
    }


def test_a_stopped_run_continues_to_the_same_bits(settings, tmp_path):
    whole = Trainer(settings)
    whole.run()
    again = dataclasses.replace(settings, out=str(tmp_path / "again"))
    for until in (2, 3, STEPS):
        part = Trainer(again)
        part.run(until)
        assert part.step == until
    left, right = weights(whole), weights(part)
    assert left.keys() == right.keys()
    for name in left:
        assert torch.equal(left[name], right[name]), name
    start = Trainer(dataclasses.replace(settings, out=str(tmp_path / "fresh")))
    assert any(not torch.equal(left[n], value) for n, value in weights(start).items())


def test_a_kill_between_checkpoints_costs_only_the_steps_since(settings):
    sparse = dataclasses.replace(settings, checkpoint_every=2)
    trainer = Trainer(sparse)
    trainer.run(2)
    trainer._train_step(trainer.batches[2])  # work that no checkpoint holds
    resumed = Trainer(sparse)
    assert resumed.step == 2
    assert torch.equal(resumed.model.mask_queries, checkpoints.load(resumed.folder)["model"]["mask_queries"])


def test_logs_plots_and_a_model_folder_come_out(settings, tmp_path):
    trainer = Trainer(settings)
    trainer.run()
    run = tmp_path / "run"
    assert len((run / "train.csv").read_text().splitlines()) == 1 + STEPS
    assert "giou" in (run / "eval.csv").read_text()
    assert (run / "eval.png").stat().st_size > 0
    assert list((run / "tensorboard").rglob("events*"))
    trainer.export(tmp_path / "model")
    model = load_folder(tmp_path / "model")
    expected = trainer.average.model.mask_queries.half().float()
    assert torch.equal(model.mask_queries, expected)


def test_an_earlier_run_can_be_the_start(settings, tmp_path):
    first = Trainer(settings)
    first.run(1)
    second = dataclasses.replace(settings, backbone="", init=settings.out, out=str(tmp_path / "second"))
    trainer = Trainer(second)
    assert trainer.step == 0
    assert torch.equal(trainer.model.mask_queries, first.average.model.mask_queries)


def test_a_damaged_checkpoint_is_named(settings, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / checkpoints.NAME).write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match=r"last\.pt"):
        Trainer(settings)


def test_settings_say_what_is_wrong(tmp_path):
    file = tmp_path / "train.yaml"
    file.write_text(
        "model: compact\nsteps: 10\nout: x\nbackbone: b\n"
        "data: {roots: [nowhere]}\nevaluation: {root: nowhere}\n"
    )
    with pytest.raises(ConfigError, match="nowhere"):
        load_settings(file)
    file.write_text("model: compact\nstepz: 10\n")
    with pytest.raises(ConfigError, match="stepz"):
        load_settings(file)


def test_learning_rate_warms_up_and_decays(settings):
    long = dataclasses.replace(settings, steps=1000)
    rates = [learning_rate(step, long) for step in range(1000)]
    assert rates[0] < rates[30] < max(rates)
    assert rates[-1] == pytest.approx(long.optimizer.learning_rate * long.optimizer.final, rel=0.05)
