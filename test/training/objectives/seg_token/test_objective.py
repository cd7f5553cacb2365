"""The objective with one [SEG] per instance: what it starts from, that it learns, and what it exports."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from instructsam_ros import segmenter
from instructsam_ros.models.instructsam.checkpoint import save_folder
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.training.checkpoint import export_run
from instructsam_ros.training.objectives.compact.objective import CompactObjective
from instructsam_ros.training.objectives.seg_token.objective import SegTokenObjective
from instructsam_ros.training.trainer import Trainer
from instructsam_ros.types import Status


@pytest.fixture
def compact_folder(compact_settings, tmp_path: Path) -> Path:
    """A model with a block of mask queries."""
    fresh = CompactObjective(compact_settings, tmp_path)
    save_folder(fresh.model, tmp_path / "model", fresh.tokenizer.to_str())
    return tmp_path / "model"


@pytest.fixture
def settings(compact_settings, compact_folder: Path):
    return dataclasses.replace(
        compact_settings, objective="seg_token", init=str(compact_folder), workers=0, precision="no"
    )


def test_the_first_query_and_the_word_before_the_block_begin_as_seg(settings, tmp_path: Path) -> None:
    compact = CompactObjective(dataclasses.replace(settings, objective="compact"), tmp_path)
    compact.start()
    objective = SegTokenObjective(settings, tmp_path)
    objective.start()
    tokens, words = objective.model.config.tokens, objective.model.language.model.embed_tokens.weight
    assert torch.equal(words[tokens.seg], words[tokens.mask_start])
    assert torch.equal(objective.model.mask_queries, compact.model.mask_queries[:1])
    again = {"mask_queries": torch.zeros(1, 4)}
    assert objective.adapted(again) is again


def test_instances_are_learned_from_left_to_right(settings, tmp_path: Path) -> None:
    objective = SegTokenObjective(settings, tmp_path)
    objective.start()
    changed = dataclasses.replace(settings, loss=dataclasses.replace(settings.loss, order=0.0))
    other = SegTokenObjective(changed, tmp_path)
    other.model.load_state_dict(objective.model.state_dict())
    other.heads.load_state_dict(objective.heads.state_dict())
    batch = objective.batches[1]
    assert torch.equal(objective.loss(batch, 0)[0], other.loss(batch, 0)[0])


def test_a_short_run_learns_and_its_export_answers(settings, tmp_path: Path, scene_root: Path) -> None:
    optimizer = dataclasses.replace(settings.optimizer, warmup_steps=1, ema=0.0)
    settings = dataclasses.replace(settings, steps=6, optimizer=optimizer)
    trainer = Trainer(settings)
    batch = trainer.batches[0]

    def loss() -> dict[str, float]:
        with torch.no_grad():
            total, terms = trainer.objective.loss(batch, 0)
        return {"loss": float(total), "language": float(terms["language"]), "score": float(terms["score"])}

    before = loss()
    for _ in range(6):
        trainer._train_step([batch])
    after = loss()
    assert all(after[name] < before[name] for name in before), (before, after)
    trainer.save()
    export_run(settings, tmp_path / "export")
    found = segmenter.load(str(tmp_path / "export"), backend="seg_token", device="cpu", threads=1)
    result = found.segment_image(load_view(view_paths(scene_root)[0], depth=False).rgb, "the mug")
    assert result.status in Status
