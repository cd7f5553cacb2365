"""The tiny model with the weights that the golden files were made with."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from instructsam_ros.models.instructsam.checkpoint import load_state
from instructsam_ros.models.instructsam.config import InstructSamConfig
from instructsam_ros.models.instructsam.model import InstructSam
from instructsam_ros.models.instructsam.tokens import TokenIds

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def manifest(golden_dir: Path) -> dict[str, Any]:
    return json.loads((golden_dir / "tiny_config_and_manifest.json").read_text())


@pytest.fixture(scope="session")
def tiny_config(manifest: dict[str, Any]) -> InstructSamConfig:
    ids = manifest["ids"]
    return InstructSamConfig(
        language=manifest["text"],
        vision=manifest["vision"],
        sam=manifest["sam"],
        num_queries=manifest["max_seg_nums"],
        out_dim=manifest["out_dim"],
        tokens=TokenIds(
            image=ids["image"],
            vision_start=ids["vstart"],
            vision_end=ids["vend"],
            region=ids["region"],
            seg=ids["seg"],
            mask_start=ids["seg_start"],
            mask_end=ids["seg_end"],
            ref_start=ids["ref_start"],
            ref_end=ids["ref_end"],
            eos=(ids["im_end"],),
        ),
    )


@pytest.fixture(scope="session")
def tiny_weights(golden_dir: Path) -> dict[str, torch.Tensor]:
    return load_file(golden_dir / "tiny_official_weights.safetensors")


@pytest.fixture(scope="session")
def tiny_model(tiny_config: InstructSamConfig, tiny_weights: dict[str, torch.Tensor]) -> InstructSam:
    """Shared by all tests, which must not change it."""
    return load_state(tiny_config, tiny_weights, "golden weights")


@pytest.fixture(scope="session")
def paper_model(tiny_config: InstructSamConfig, tiny_weights: dict[str, torch.Tensor]) -> InstructSam:
    """The same weights, run the way training runs them."""
    return load_state(dataclasses.replace(tiny_config, behaviour="paper"), tiny_weights, "golden weights")
