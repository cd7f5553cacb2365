"""A run that was stopped and started again ends like one that never stopped, bit for bit."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from instructsam_ros.cli import main
from instructsam_ros.errors import CheckpointError, ConfigError, DivergedError, InvalidInputError
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.training import checkpoint, trainer
from instructsam_ros.training.checkpoint import export_run
from instructsam_ros.training.config import TrainSettings, load_settings
from instructsam_ros.training.optim import by_part, learning_rate
from instructsam_ros.training.trainer import Trainer
from instructsam_ros.yaml_config import build
from test.forks import fork, wait_for_step

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
            "data": {"roots": [str(scene_root)], "images": 2, "instructions": 2},
            "evaluation": {
                "sets": [{"format": "scenes", "root": str(scene_root), "views": 2, "instructions": 2}],
                "every": 100,
            },
        },
    )


def weights(trainer):
    return {
        **trainer.model.state_dict(),
        **{f"average.{k}": v for k, v in trainer.average.module.state_dict().items()},
    }


def assert_same(left, right):
    assert left.keys() == right.keys()
    for name in left:
        assert torch.equal(left[name], right[name]), name


@pytest.mark.parametrize(("muon", "accumulation"), [(True, 1), (False, 2)])
def test_a_stopped_run_continues_to_the_same_bits(settings, muon, accumulation, tmp_path):
    settings = dataclasses.replace(
        settings,
        optimizer=dataclasses.replace(settings.optimizer, muon=muon),
        gradient_accumulation_steps=accumulation,
    )
    whole = Trainer(settings)
    whole.run()
    again = dataclasses.replace(settings, out=str(tmp_path / "again"))
    for until in (2, 3, STEPS):
        part = Trainer(again)
        part.run(until)
        assert part.step == until
    left = weights(whole)
    assert_same(left, weights(part))
    start = Trainer(dataclasses.replace(settings, out=str(tmp_path / "fresh")))
    assert any(not torch.equal(left[n], value) for n, value in weights(start).items())


def test_a_killed_process_continues_to_the_same_bits(settings, tmp_path):
    """Killed for good between two checkpoints, with half of one left behind."""
    settings = dataclasses.replace(settings, steps=10, checkpoint_every=2)
    whole = Trainer(settings)
    whole.run()
    again = dataclasses.replace(settings, out=str(tmp_path / "killed"))
    process = fork(lambda: Trainer(again).run())
    folder = Path(again.out)
    wait_for_step(folder, 2, process)
    process.kill()
    process.join()
    (folder / f"{checkpoint.NAME}.tmp").write_bytes(b"half a check")
    resumed = Trainer(again)
    assert 2 <= resumed.step < 10
    resumed.run()
    assert_same(weights(whole), weights(resumed))
    steps = [line.split(",")[0] for line in (folder / "train.csv").read_text().splitlines()[1:]]
    assert steps == [f"{step}.0" for step in range(1, 11)]


def test_an_evaluation_is_neither_lost_nor_repeated(settings, monkeypatch):
    settings = dataclasses.replace(settings, evaluation=dataclasses.replace(settings.evaluation, every=3))

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "evaluate", killed)
        with pytest.raises(KeyboardInterrupt):
            Trainer(settings).run()
    Trainer(settings).run()
    Trainer(settings).run()  # finished; nothing is left to do
    folder = Path(settings.out)
    rows = [line.split(",")[0] for line in (folder / "eval.csv").read_text().splitlines()[1:]]
    assert rows == ["3.0", f"{STEPS}.0"]
    for name, expected in (("train", list(range(1, STEPS + 1))), ("eval", [3, STEPS])):
        board = EventAccumulator(str(folder / "tensorboard" / name))
        board.Reload()
        tag = board.Tags()["scalars"][0]
        assert [event.step for event in board.Scalars(tag)] == expected


def test_a_run_that_stops_early_leaves_its_plot(settings):
    Trainer(settings).run(1)
    assert (Path(settings.out) / "train.png").stat().st_size > 0


def test_logs_plots_and_a_model_folder_come_out(settings, tmp_path):
    trainer = Trainer(settings)
    trainer.run()
    run = tmp_path / "run"
    assert len((run / "train.csv").read_text().splitlines()) == 1 + STEPS
    assert "giou" in (run / "eval.csv").read_text()
    assert (run / "eval.png").stat().st_size > 0
    assert list((run / "tensorboard").rglob("events*"))
    assert export_run(settings, tmp_path / "model").step == STEPS
    model = load_folder(tmp_path / "model")
    expected = trainer.average.module.mask_queries.half().float()
    assert torch.equal(model.mask_queries, expected)


def test_an_earlier_run_can_be_the_start(settings, tmp_path):
    first = Trainer(settings)
    first.run(1)
    second = dataclasses.replace(settings, backbone="", init=settings.out, out=str(tmp_path / "second"))
    trainer = Trainer(second)
    assert trainer.step == 0
    assert torch.equal(trainer.model.mask_queries, first.average.module.mask_queries)


def test_a_model_folder_can_be_the_start(settings, tmp_path):
    first = Trainer(settings)
    with pytest.raises(CheckpointError, match=r"no checkpoint in .*run to export"):
        export_run(settings, tmp_path / "model")
    first.run(1)
    export_run(settings, tmp_path / "model")
    trainer = Trainer(
        dataclasses.replace(settings, backbone="", init=str(tmp_path / "model"), out=str(tmp_path / "second"))
    )
    expected = first.average.module.mask_queries.half().float()
    assert torch.equal(trainer.model.mask_queries, expected)
    assert torch.equal(trainer.average.module.mask_queries, expected)
    with pytest.raises(CheckpointError, match="neither"):
        Trainer(dataclasses.replace(settings, backbone="", init=str(tmp_path), out=str(tmp_path / "third")))
    (tmp_path / "model" / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"model has no tokenizer\.json"):
        Trainer(
            dataclasses.replace(
                settings, backbone="", init=str(tmp_path / "model"), out=str(tmp_path / "third")
            )
        )


def test_the_model_that_ships_can_be_the_start(settings, tmp_path):
    """By its name, wherever the package lies; here it does not fit the small model."""
    with pytest.raises(CheckpointError, match="init: the earlier run has another architecture"):
        Trainer(dataclasses.replace(settings, backbone="", init="compact"))


def test_a_run_that_diverges_keeps_its_last_checkpoint(settings):
    Trainer(settings).run(2)
    kept = (Path(settings.out) / checkpoint.NAME).read_bytes()
    fast = dataclasses.replace(settings.optimizer, learning_rate=1e30)
    with pytest.raises(DivergedError, match=r"diverged at step .*optimizer\.learning_rate"):
        Trainer(dataclasses.replace(settings, optimizer=fast, steps=20, checkpoint_every=20)).run()
    assert (Path(settings.out) / checkpoint.NAME).read_bytes() == kept


def test_views_of_another_size_than_the_model_are_refused(settings, tmp_path):
    model = yaml.safe_load(Path(settings.model).read_text())
    model["vision"] = {"height": 96, "width": 160}
    wide = tmp_path / "wide.yaml"
    wide.write_text(yaml.safe_dump(model))
    with pytest.raises(
        InvalidInputError, match="are 128x96, the model takes 160x96; render them with --width 160"
    ):
        Trainer(dataclasses.replace(settings, model=str(wide)))


def test_an_export_needs_no_views(settings, tmp_path, capsys):
    Trainer(settings).save()
    elsewhere = {"data": {"roots": ["gone"]}, "evaluation": {"root": "away"}, "backbone": "gone.pth"}
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(json.loads(json.dumps(dataclasses.asdict(settings))) | elsewhere))
    assert main(["train", str(file), "--export", str(tmp_path / "model")]) == 0
    assert "wrote the weights of step 0" in capsys.readouterr().out
    load_folder(tmp_path / "model")
    assert main(["train", str(file)]) == 2
    assert "no folder gone" in capsys.readouterr().err


def test_a_run_of_another_model_is_named(settings, tmp_path, small_model_file):
    Trainer(settings).run(1)
    model = yaml.safe_load(small_model_file.read_text())
    model["num_queries"] = 7
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(model))
    with pytest.raises(CheckpointError, match="has another model"):
        Trainer(dataclasses.replace(settings, model=str(other)))
    with pytest.raises(CheckpointError, match="has another model"):
        export_run(dataclasses.replace(settings, model=str(other)), tmp_path / "model")


def with_backbone_rate(settings, rate, **changes):
    optimizer = dataclasses.replace(settings.optimizer, backbone_rate=rate)
    return dataclasses.replace(settings, optimizer=optimizer, **changes)


def stem(trainer):
    return trainer.model.image_encoder.backbone.stem.weight.detach().clone()


def test_the_backbone_learns_only_if_told_to(settings, tmp_path):
    frozen = Trainer(settings)
    before = stem(frozen)
    frozen.run(2)
    assert torch.equal(stem(frozen), before)
    learning = Trainer(with_backbone_rate(settings, 0.1, out=str(tmp_path / "learning")))
    assert torch.equal(stem(learning), before)
    learning.run(2)
    change = (stem(learning) - before).abs().max()
    full_steps = sum(learning_rate(step, settings) for step in range(2))
    assert 0 < change < 0.2 * full_steps, "a tenth of the others' steps"
    assert "backbone_grad_norm" in (tmp_path / "learning" / "train.csv").read_text()


def test_a_resumed_run_takes_its_rates_from_the_settings(settings):
    first = Trainer(with_backbone_rate(settings, 0.1))
    first.run(1)
    changed = Trainer(with_backbone_rate(settings, 0.2))
    assert torch.equal(stem(changed), stem(first))
    assert [group["share"] for group in changed.optimizer.param_groups] == [1.0, 1.0, 0.2, 0.2]
    decayed = dataclasses.replace(changed.settings.optimizer, weight_decay=0.5)
    again = Trainer(dataclasses.replace(changed.settings, optimizer=decayed))
    assert {group["weight_decay"] for group in again.optimizer.param_groups} == {0.5, 0.0}
    with pytest.raises(CheckpointError, match="free the backbone"):
        Trainer(settings)
    with pytest.raises(ValueError, match="backbone_rate"):
        with_backbone_rate(settings, -0.1)


def test_large_gradients_of_the_backbone_do_not_shrink_the_others(settings):
    trainer = Trainer(with_backbone_rate(settings, 1.0))
    parts = by_part(trainer.optimizer)
    assert list(parts) == ["", "backbone_"]
    backbone = {id(p) for p in trainer.model.image_encoder.backbone.parameters()}
    assert {id(p) for p in parts["backbone_"]} == backbone
    assert not backbone & {id(p) for p in parts[""]}


def test_a_damaged_checkpoint_is_named(settings, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / checkpoint.NAME).write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match=r"last\.pt"):
        Trainer(settings)


def test_another_precision_takes_another_process(settings, tmp_path):
    first = Trainer(settings)
    other = "bf16" if first.precision == "no" else "no"
    with pytest.raises(ConfigError, match=f"cannot train in '{other}' after another run"):
        Trainer(dataclasses.replace(settings, out=str(tmp_path / "second"), precision=other))


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
