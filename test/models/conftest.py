"""A checkpoint folder of the tiny model."""

from __future__ import annotations

from pathlib import Path

import pytest

from instructsam_ros.models.instructsam.checkpoint import save_folder
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.paths import share
from instructsam_ros.yaml_config import load_yaml
from test.conftest import tiny_tokenizer


@pytest.fixture
def folder(tiny_model: InstructSam, tmp_path: Path) -> Path:
    save_folder(tiny_model, tmp_path / "weights", tiny_tokenizer())
    return tmp_path / "weights"


@pytest.fixture(scope="session")
def full_size() -> InstructSamConfig:
    """Settings of the published model."""
    return load_yaml(InstructSamConfig, share("config", "models", "2b.yaml"))
