"""The trainer with the whole InstructSAM objective, on the tiny golden model and generated pictures."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml

import instructsam_ros
from instructsam_ros.cli import main
from instructsam_ros.errors import ConfigError
from instructsam_ros.training.config import load_settings
from instructsam_ros.training.trainer import Trainer

STEPS = 6


def inst2seg(folder, name):
    """A data set of a configuration."""
    return {"format": "inst2seg", "annotations": str(folder / name), "images": str(folder)}


@pytest.fixture
def file(tiny_folder, tmp_path) -> Path:
    """A training file; three pictures with a bright rectangle each, and one without a target."""
    entries = []
    for number, (top, left) in enumerate(((8, 8), (24, 40), (40, 16))):
        image = np.full((64, 80, 3), 40, np.uint8)
        image[top : top + 16, left : left + 24] = 220
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
        box = [left, top, left + 24, top, left + 24, top + 16, left, top + 16]
        annotation = [{"text": "red mug.", "mask": [[box]]}, {"text": "blue bowl", "mask": None}]
        entries.append({"image": f"{number}.png", "height": 64, "width": 80, "annotation": annotation})
    (tmp_path / "train.json").write_text(json.dumps(entries))
    (tmp_path / "test.json").write_text(json.dumps(entries[:1]))
    config = {
        "objective": "instructsam",
        "model": str(tiny_folder),
        "data": {"sets": [inst2seg(tmp_path, "train.json")], "batch": 2},
        "evaluation": {"sets": [inst2seg(tmp_path, "test.json")]},
        "out": str(tmp_path / "run"),
        "steps": STEPS,
        "checkpoint_every": 1,
        "log_every": 1,
        "threads": 1,
        "workers": 0,
        "precision": "no",
        "optimizer": {"learning_rate": 2e-3, "warmup_steps": 1},
    }
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


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
    before = load_settings(file)
    frozen = whole.objective.pretrained
    assert before.optimizer.backbone_rate == 0
    assert not any(p.requires_grad for p in frozen.parameters())

    assert main(["train", str(file), "--export", str(tmp_path / "model")]) == 0
    segmenter = instructsam_ros.load(str(tmp_path / "model"), device="cpu")
    segmenter.segment_image(np.zeros((64, 80, 3), np.uint8), "red mug")


def test_a_batch_holds_masks_phrases_and_labels_of_the_answer_alone(file):
    trainer = Trainer(load_settings(file))
    batch, tokens = trainer.batches[0], trainer.model.config.tokens
    assert batch.ids.shape == batch.labels.shape == batch.valid.shape
    assert [len(truth.phrase_masks) for truth in batch.truths] == [1, 1]
    assert all(ids[0] == tokens.ref_start and len(ids) == 3 for ids in batch.phrase_ids)
    learned = batch.labels != -100
    assert torch.equal(batch.labels[learned], batch.ids[learned])
    assert not (batch.ids[learned] == tokens.seg).any()
    assert not (batch.ids[learned] == tokens.mask_end).any()
    assert (batch.ids[learned] == tokens.eos[0]).sum() == 2


def test_what_is_trained_on_does_not_evaluate(file, tmp_path):
    same = f"evaluation.sets=[{json.dumps(inst2seg(tmp_path, 'train.json'))}]"
    with pytest.raises(ConfigError, match="both in data and evaluation"):
        load_settings(file, [same])
    with pytest.raises(ConfigError, match="objective: 'sam4' is not one of"):
        load_settings(file, ["objective=sam4"])


@pytest.mark.parametrize("flag", ["--max-steps", "--until"])
def test_the_command_takes_overrides_and_a_last_step(file, tmp_path, flag):
    assert main(["train", str(file), f"out={tmp_path / 'other'}", "optimizer.ema=0.5", flag, "1"]) == 0
    assert Trainer(load_settings(file, [f"out={tmp_path / 'other'}"])).step == 1
    assert not (tmp_path / "run").exists()
