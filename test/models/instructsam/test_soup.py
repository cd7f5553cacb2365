"""The mean of checkpoints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from instructsam_ros.cli import main


@pytest.fixture
def two(tiny_folder: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A folder, and one whose weights are all higher by one."""
    first, second = tmp_path / "first", tmp_path / "second"
    shutil.copytree(tiny_folder, first)
    shutil.copytree(tiny_folder, second)
    tensors = load_file(first / "model.safetensors")
    save_file({name: tensor + 1 for name, tensor in tensors.items()}, second / "model.safetensors")
    return first, second


def test_mean_lies_in_the_middle(two: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "mean"
    assert main(["weights", "average", str(out), *map(str, two)]) == 0
    before, after = (load_file(folder / "model.safetensors") for folder in (two[0], out))
    for name, tensor in after.items():
        torch.testing.assert_close(tensor, before[name] + 0.5)
    assert {path.name for path in out.iterdir()} == {path.name for path in two[0].iterdir()}
    assert main(["weights", "check", str(out)]) == 0


def test_shares_weigh_the_folders(two: tuple[Path, Path], tmp_path: Path) -> None:
    out, folders = tmp_path / "mean", [str(folder) for folder in two]
    assert main(["weights", "average", str(out), *folders, "--shares", "1", "3"]) == 0
    before, after = (load_file(folder / "model.safetensors") for folder in (two[0], out))
    torch.testing.assert_close(after["model.mask_queries"], before["model.mask_queries"] + 0.75)


@pytest.mark.parametrize("shares", [["1"], ["1", "-1"], ["0", "0"], ["nan", "1"]])
def test_shares_that_do_not_fit_are_named(
    two: tuple[Path, Path], tmp_path: Path, shares: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out, folders = tmp_path / "mean", [str(folder) for folder in two]
    assert main(["weights", "average", str(out), *folders, "--shares", *shares]) == 2
    assert "2 folders need as many shares" in capsys.readouterr().err


def test_folders_of_different_models_are_refused(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors = load_file(two[1] / "model.safetensors")
    tensors["model.mask_queries"] = torch.zeros(3, 4)
    save_file(tensors, two[1] / "model.safetensors")
    assert main(["weights", "average", str(tmp_path / "mean"), *map(str, two)]) == 2
    assert "model.mask_queries" in capsys.readouterr().err
    assert not (tmp_path / "mean").exists()


@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("tokenizer.json", '"red"', '"crimson"', "vocabulary"),
        ("config.json", '"ref_start_token_index": 508', '"ref_start_token_index": 501', "tokens"),
        ("config.json", '"behaviour": "released"', '"behaviour": "paper"', "behaviour"),
    ],
)
def test_tensors_that_mean_something_else_are_refused(
    two: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    old: str,
    new: str,
    named: str,
) -> None:
    text = (two[1] / file).read_text()
    assert old in text
    (two[1] / file).write_text(text.replace(old, new))
    assert main(["weights", "average", str(tmp_path / "mean"), *map(str, two)]) == 2
    assert f"they differ in:\n  {named}" in capsys.readouterr().err
    assert not (tmp_path / "mean").exists()


def test_thresholds_may_differ(two: tuple[Path, Path], tmp_path: Path) -> None:
    config = two[1] / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"score_threshold": 0.6}))
    assert main(["weights", "average", str(tmp_path / "mean"), *map(str, two)]) == 0


def test_folder_without_tensors_lists_what_is_missing(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_file({}, two[0] / "model.safetensors")
    assert main(["weights", "average", str(tmp_path / "mean"), str(two[0])]) == 2
    assert "missing model.mask_queries" in capsys.readouterr().err


def test_a_wrong_index_is_no_part_of_a_mean(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors = load_file(two[1] / "model.safetensors")
    (two[1] / "model.safetensors").rename(two[1] / "all.safetensors")
    index = dict.fromkeys([*tensors, "model.ghost"], "all.safetensors")
    (two[1] / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    assert main(["weights", "average", str(tmp_path / "mean"), *map(str, two)]) == 2
    assert f"{two[1]}: wrong shard model.ghost" in capsys.readouterr().err
    assert not (tmp_path / "mean").exists()
