"""Computed memory follows what trains, and a step of a recipe runs on the tiny model."""

from __future__ import annotations

from benchmarks.training_step import full_size_bytes, measure
from instructsam_ros.training.config import InstructSamTrainSettings
from instructsam_ros.yaml_config import build

SETS = {"sets": [{"format": "inst2seg", "annotations": "a.json", "images": "."}]}
RUN = {"objective": "instructsam", "model": "m", "out": "o", "steps": 1, "data": SETS, "evaluation": SETS}


def test_memory_of_the_full_size_is_that_of_its_tensors() -> None:
    frozen = dict.fromkeys(("embeddings", "merger", "vision_tower", "detector", "projections", "queries"), 0)
    plain = full_size_bytes(build(InstructSamTrainSettings, RUN))
    lora = full_size_bytes(build(InstructSamTrainSettings, RUN | {"lora": {"r": 64}, "parts": frozen}))
    adapters = lora["gradients"] // 4
    # Rank 64 on q and o (2048 to 2048), k and v (2048 to 1024) of 28 layers.
    assert adapters == 28 * 64 * (4 * 2048 + 2 * (2048 + 1024))
    assert lora["weights"] == plain["weights"] + 4 * adapters
    assert lora["AdamW"] == 2 * lora["average"] == 8 * adapters
    assert 2e9 * 4 < plain["weights"] < 4e9 * 4
    assert plain["gradients"] < plain["weights"], "the SAM 3 tower is frozen"


def test_a_step_of_a_recipe_runs_on_the_tiny_model() -> None:
    measured = measure("inst2seg_stage2", 1, "no")
    assert measured.wall > 0
    assert measured.processor > 0
    assert measured.peak > 100 * 2**20
