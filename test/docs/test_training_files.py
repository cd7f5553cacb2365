"""The YAML files of docs/training.md are what the commands read."""

import re
from pathlib import Path

import pytest

from instructsam_ros.training.config import read_settings
from instructsam_ros.training.evaluation.settings import EvaluationFile
from instructsam_ros.yaml_config import load_yaml

PAGE = Path(__file__).parents[2] / "docs" / "training.md"
FILES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("text", FILES, ids=lambda text: text.splitlines()[0])
def test_the_printed_file_is_valid(text: str, tmp_path: Path) -> None:
    path = tmp_path / "printed.yaml"
    path.write_text(text)
    if "steps:" in text:
        settings = read_settings(path)
        assert settings.evaluation.data_sets()
    else:
        assert load_yaml(EvaluationFile, path).models


def test_the_page_prints_files_of_every_kind() -> None:
    kinds = [("objective: instructsam" in text, "steps:" in text) for text in FILES]
    assert {(False, False), (False, True), (True, True)} == set(kinds)
