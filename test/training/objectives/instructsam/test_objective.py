"""The trainer with the whole InstructSAM objective, on the tiny golden model and generated pictures."""

import csv
import dataclasses
import json
import os
import random
import signal
import time

import numpy as np
import pytest
import torch
import yaml

import instructsam_ros
from instructsam_ros.cli import main
from instructsam_ros.errors import CheckpointError, ConfigError, DivergedError
from instructsam_ros.models.common.safetensors_folder import TensorFiles, weights_sha256
from instructsam_ros.models.instructsam.inference_mode import PAPER, RELEASED
from instructsam_ros.training import checkpoint
from instructsam_ros.training.config import load_settings
from instructsam_ros.training.objectives.instructsam.losses import SampleTruth
from instructsam_ros.training.objectives.instructsam.objective import InstructSamObjective
from instructsam_ros.training.trainer import Trainer
from test.forks import fork, wait_for_step
from test.hooks import inputs_of

STEPS = 6


def test_a_run_lowers_the_loss_resumes_to_the_same_bits_and_exports(file, tmp_path):
    whole = Trainer(load_settings(file))
    whole.run()
    with (tmp_path / "run" / "train.csv").open() as table:
        losses = [float(row["loss"]) for row in csv.DictReader(table)]
    assert len(losses) == STEPS
    assert np.mean(losses[-2:]) < np.mean(losses[:2])
    assert (tmp_path / "run" / "eval.csv").exists()

    again = f"out={tmp_path / 'again'}"
    for until in (2, 5, STEPS):
        resumed = Trainer(load_settings(file, [again]))
        resumed.run(until)
    for name in ("model", "average"):
        left, right = (
            {"model": trainer.model, "average": trainer.average.module}[name].state_dict()
            for trainer in (whole, resumed)
        )
        assert all(torch.equal(left[key], right[key]) for key in left)
    frozen = whole.model.image_encoder.pixel_tower
    assert not any(p.requires_grad for p in frozen.parameters())
    learning = {name for name, p in whole.model.named_parameters() if p.requires_grad}
    assert len(learning) == len(list(whole.model.parameters())) - len(list(frozen.parameters()))

    assert main(["train", str(file), "--export", str(tmp_path / "model")]) == 0
    segmenter = instructsam_ros.load(str(tmp_path / "model"), device="cpu")
    segmenter.segment_image(np.zeros((64, 80, 3), np.uint8), "red mug")


def test_what_is_trained_on_does_not_evaluate(file, tmp_path):
    same = f"evaluation.sets={json.dumps(yaml.safe_load(file.read_text())['data']['sets'])}"
    with pytest.raises(ConfigError, match="both in data and evaluation"):
        load_settings(file, [same])
    with pytest.raises(ConfigError, match="objective: 'sam4' is not one of"):
        load_settings(file, ["objective=sam4"])


@pytest.mark.parametrize("flag", ["--max-steps", "--until"])
def test_the_command_takes_overrides_and_a_last_step(file, tmp_path, flag):
    assert main(["train", str(file), f"out={tmp_path / 'other'}", "optimizer.ema=0.5", flag, "1"]) == 0
    assert Trainer(load_settings(file, [f"out={tmp_path / 'other'}"])).step == 1
    assert not (tmp_path / "run").exists()


ADAPTERS = ["lora={r: 4, alpha: 8, dropout: 0.1}", "parts={merger: 0.5, vision_tower: 0}"]


def same_weights(left, right):
    """Whether two trainers hold the same weights and averages, bit for bit."""
    pairs = ((left.model, right.model), (left.average.module, right.average.module))
    states = [(a.state_dict(), b.state_dict()) for a, b in pairs]
    return all(torch.equal(a[name], b[name]) for a, b in states for name in a)


def test_adapters_and_parts_learn_at_their_rates_and_export_merged_or_apart(file, tmp_path, capsys):
    trainer = Trainer(load_settings(file, ADAPTERS))
    start = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.run()
    moved = {n for n, v in trainer.model.state_dict().items() if not torch.equal(v, start[n])}
    assert any(".lora_" in name for name in moved)
    assert "language.model.embed_tokens.weight" in moved
    assert not any(".layers." in name and ".lora_" not in name for name in moved if "language" in name)
    assert not any("pixel_tower" in name for name in moved)
    tower = {name for name in moved if "vision_tower" in name}
    assert tower
    assert all(".vision_tower.merger." in name for name in tower)
    shares = {group["name"]: group["share"] for group in trainer.optimizer.param_groups}
    assert shares["merger"] == 0.5
    assert shares["detector"] == 1.0
    capsys.readouterr()

    merged, adapter, again = (str(tmp_path / name) for name in ("merged", "adapter", "again"))
    assert main(["train", str(file), *ADAPTERS, "--export", merged]) == 0
    with TensorFiles(tmp_path / "merged") as files:
        assert f"sha256 {weights_sha256(files)[:12]}" in capsys.readouterr().out
    assert main(["train", str(file), *ADAPTERS, "--export", adapter, "--adapter"]) == 0
    model = yaml.safe_load(file.read_text())["model"]
    assert main(["weights", "merge", model, adapter, again]) == 0
    with TensorFiles(tmp_path / "merged") as left, TensorFiles(tmp_path / "again") as right:
        assert left.keys() == right.keys()
        for name in left:
            assert torch.equal(left[name], right[name].bfloat16()), name
    picture = np.zeros((64, 80, 3), np.uint8)
    instructsam_ros.load(again, device="cpu").segment_image(picture, "red mug")

    with pytest.raises(CheckpointError, match="trained other weights"):
        Trainer(load_settings(file, [ADAPTERS[0], "parts={queries: 0, vision_tower: 0}"]))


def test_a_run_killed_again_and_again_ends_with_the_same_bits(file, tmp_path):
    settings = [*ADAPTERS, "steps=9", "best={metric: giou}", "evaluation.every=3"]
    whole = Trainer(load_settings(file, settings))
    whole.run()
    settings.append(f"out={tmp_path / 'killed'}")
    rng, folder = random.Random(5), tmp_path / "killed"
    for kills in range(3):
        process = fork(lambda: Trainer(load_settings(file, settings)).run())
        wait_for_step(folder, 1 + 2 * kills, process)
        time.sleep(rng.uniform(0, 0.5))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    resumed = Trainer(load_settings(file, settings))
    resumed.run()
    assert same_weights(whole, resumed)
    tables = [(tmp_path / name / "eval.csv").read_text() for name in ("run", "killed")]
    assert tables[0] == tables[1]
    best = [checkpoint.load(tmp_path / name, checkpoint.BEST) for name in ("run", "killed")]
    assert best[0]["step"] == best[1]["step"]
    rows = list(csv.DictReader(tables[0].splitlines()))
    scores = [float(row["giou"]) for row in rows]
    assert best[0]["step"] == float(rows[scores.index(max(scores))]["step"])


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_checkpointed_layers_give_the_same_gradients(file, precision):
    found = []
    for choice in ("false", "true"):
        torch.manual_seed(0)
        settings = load_settings(file, [f"gradient_checkpointing={choice}", ADAPTERS[0]])
        objective = InstructSamObjective(settings)
        layer = objective.model.language.model.layers[0].mlp
        block = objective.model.image_encoder.vision_tower.blocks[0].mlp
        with inputs_of(layer) as layers, inputs_of(block) as blocks:
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                loss, _ = objective.loss(objective.batches[0], 0)
            loss.backward()
        again = 2 if choice == "true" else 1
        assert (len(layers), len(blocks)) == (again, 2 * again), "for a batch of two pictures"
        named = objective.model.named_parameters()
        found.append((loss.detach(), {name: p.grad for name, p in named if p.grad is not None}))
    (plain_loss, plain), (loss, gradients) = found
    torch.testing.assert_close(loss, plain_loss, rtol=1e-5, atol=0)
    assert gradients.keys() == plain.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, plain[name], rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("boxes", [False, True])
def test_a_record_whose_masks_are_all_empty_gives_a_finite_loss(file, boxes):
    objective = InstructSamObjective(load_settings(file))
    batch = objective.batches[0]
    truths = [SampleTruth(torch.zeros(2, 64, 80), [(0, 1)], boxes) for _ in batch.truths]
    loss, terms = objective.loss(dataclasses.replace(batch, truths=tuple(truths)), 0)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(term) for term in terms.values())
    gradients = [p.grad for p in objective.model.parameters() if p.grad is not None]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_a_loss_that_is_no_number_names_step_and_samples(file):
    trainer = Trainer(load_settings(file))
    trainer.run(2)
    trainer.model.text_hidden_fcs[0][0].weight.data.fill_(torch.nan)
    records = trainer.batches[2].records
    assert all(record.startswith("inst2seg [") for record in records)
    with pytest.raises(DivergedError) as caught:
        trainer.run(3)
    assert "at step 2:" in str(caught.value)
    assert all(record in str(caught.value) for record in records)


def test_skipped_samples_are_counted_in_the_table(file, tmp_path):
    trainer = Trainer(load_settings(file))
    (tmp_path / "1.png").write_bytes(b"not an image")
    trainer.run()
    with (tmp_path / "run" / "train.csv").open() as table:
        counts = [float(row["skipped_samples"] or 0) for row in csv.DictReader(table)]
    assert sum(counts) >= 2


def test_the_losses_follow_the_procedure_of_the_settings(file):
    modes = [
        InstructSamObjective(load_settings(file, [f"loss.procedure={name}"])).mode
        for name in ("model", "released", "paper")
    ]
    assert modes[0] == modes[1] == RELEASED
    assert modes[2] == PAPER


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("parts={eyes: 1}", "no part eyes"),
        ("optimizer.backbone_rate=0.1", r"parts\.pixel_tower"),
        ("lora={r: 4, beta: 1}", "unknown setting beta"),
        ("best={metric: beauty}", "'beauty' is no metric"),
        ("report_to=[notebook]", "'notebook' is not one of"),
        ("loss.procedure=old", "'old' is not one of"),
    ],
)
def test_settings_that_cannot_be_are_named(file, override, message):
    with pytest.raises(ConfigError, match=message):
        Trainer(load_settings(file, [override]))
