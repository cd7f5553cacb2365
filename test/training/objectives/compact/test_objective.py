"""The compact objective: what a run starts from, and its loss."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.instructsam.checkpoint import save_folder
from instructsam_ros.training import checkpoint
from instructsam_ros.training.objectives.compact.objective import ON_BACKBONE, CompactObjective
from instructsam_ros.training.trainer import Trainer
from test.training.data import coco_files


def test_the_first_steps_train_the_image_side_alone(compact_settings, tmp_path: Path) -> None:
    objective = CompactObjective(dataclasses.replace(compact_settings, image_only_steps=1), tmp_path)
    first, second = (set(objective.loss(objective.batches[0], step)[1]) for step in (0, 1))
    assert "language" not in first
    assert first < second


def test_a_start_that_is_no_model_is_named(compact_settings, tmp_path: Path) -> None:
    settings = dataclasses.replace(compact_settings, backbone="", init=str(tmp_path / "nowhere"))
    with pytest.raises(CheckpointError, match="neither a checkpoint of a run nor a model"):
        CompactObjective(settings, tmp_path).start()


def test_an_earlier_run_goes_on_with_another_backbone(
    compact_settings, published_backbone: Path, tmp_path: Path
) -> None:
    earlier = CompactObjective(compact_settings, tmp_path)
    for parameter in earlier.model.parameters():
        parameter.data.add_(1.0)
    save_folder(earlier.model, tmp_path / "model", earlier.tokenizer.to_str())
    start = {"init": str(tmp_path / "model"), "backbone": str(published_backbone)}
    settings = dataclasses.replace(compact_settings, **start)
    objective = CompactObjective(settings, tmp_path)
    pretrained = {name: value.clone() for name, value in objective.model.state_dict().items()}
    objective.start()
    before = earlier.model.state_dict()
    for name, value in objective.model.state_dict().items():
        expected = pretrained if name.startswith(ON_BACKBONE) else before
        assert torch.equal(value, expected[name]), name


def test_views_photographs_and_detected_boxes_share_a_batch(compact_settings, tmp_path: Path) -> None:
    coco = coco_files.write_set(tmp_path / "coco", [coco_files.annotation(1)], {47: "cup"})
    detections = [{"file": "a.jpg", "width": 64, "height": 48, "everything": [["bowl", 0.9, [8, 8, 40, 40]]]}]
    coco_files.image(tmp_path / "boxes")
    (tmp_path / "boxes.json").write_text(json.dumps(detections))
    sets = (
        {"format": "coco", "annotations": str(coco), "images": str(tmp_path / "coco/images")},
        {
            "format": "detections",
            "annotations": str(tmp_path / "boxes.json"),
            "images": str(tmp_path / "boxes/images"),
        },
    )
    data = dataclasses.replace(compact_settings.data, images=6, instructions=2, sets=sets, share=0.7)
    objective = CompactObjective(dataclasses.replace(compact_settings, data=data), tmp_path)
    batches = [objective.batches[step] for step in range(8)]
    kinds = {0: "view", 1: "view"}
    for batch in batches:  # until both sets are in one
        labelled = zip(batch.image_of.tolist(), batch.box_only.tolist(), strict=True)
        found = {"box" if is_box else kinds.get(image, "photograph") for image, is_box in labelled}
        if found == {"view", "photograph", "box"}:
            break
    assert found == {"view", "photograph", "box"}
    assert batch.complete.tolist() == [True, True, False, False, False, False]
    total, terms = objective.loss(batch, step=1)
    total.backward()
    assert all(torch.isfinite(term) and term > 0 for term in terms.values()), terms
    learnt = objective.model.image_encoder.fuse16[0].weight.grad
    assert learnt is not None
    assert learnt.abs().sum() > 0


def test_a_head_for_other_classes_starts_anew(
    compact_settings, published_backbone: Path, tmp_path: Path
) -> None:
    run = Path(compact_settings.out)
    Trainer(dataclasses.replace(compact_settings, backbone=str(published_backbone), init="")).save()
    state = checkpoint.load(run)
    assert state is not None
    name = next(name for name in state["heads"] if "category" in name and name.endswith("weight"))
    kept = next(other for other in state["heads"] if "color" in other and other.endswith("weight"))
    state["heads"][name] = state["heads"][name][:-3]
    state["heads"][kept] += 1
    checkpoint.save(run, state)
    objective = CompactObjective(dataclasses.replace(compact_settings, backbone="", init=str(run)), tmp_path)
    fresh = objective.heads.state_dict()[name].clone()
    objective.start()
    assert torch.equal(objective.heads.state_dict()[name], fresh)
    assert torch.equal(objective.heads.state_dict()[kept], state["heads"][kept])
