"""A training file says how a run computes."""

import os
import subprocess
import sys

import pytest
import yaml

from instructsam_ros.errors import ConfigError, InvalidInputError
from instructsam_ros.models.instructsam.compact.tokenizer import build_tokenizer
from instructsam_ros.paths import share
from instructsam_ros.training.config import load_settings
from instructsam_ros.training.initialization import compact_config

RUN = {
    "model": "compact", "init": "x", "out": "y", "steps": 3,
    "data": {"roots": ["train"]}, "evaluation": {"root": "heldout"},
}  # fmt: skip
INSTRUCTSAM = {
    "objective": "instructsam", "out": "y", "steps": 3,
    "data": {"sets": [{"format": "shards", "path": "train"}]},
    "evaluation": {"sets": [{"format": "shards", "path": "heldout"}]},
}  # fmt: skip


def written(folder, **changes):
    """A training file in ``folder``, and in it the folders of views that RUN names."""
    for name in ("train", "heldout"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "000000.jpg").touch()
    file = folder / "run.yaml"
    file.write_text(yaml.safe_dump(RUN | changes))
    return file


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"log_every": 0}, "log_every must be at least 1"),
        ({"checkpoint_every": 0}, "checkpoint_every must be at least 1"),
        ({"workers": -1}, r"workers must be in 0\.\.1024"),
        ({"threads": 10**9}, r"threads must be in 0\.\.1024"),
        ({"precision": False}, "False is not one of 'auto', 'bf16', 'no'; .* put it in quotes"),
        ({"loss": {"score": float("inf")}}, r"loss\.score: expected a finite number"),
        ({"loss": {"selection": -1.0}}, "selection must be at least 0, got -1"),
        ({"data": {"roots": []}}, "roots and sets are empty"),
        ({"data": {"roots": ["train"], "sizes": [[320, 240]]}}, "320x240: both must be multiples of 32"),
        ({"data": {"roots": ["train"], "images": 0}}, "images must be at least 1"),
        ({"data": {"roots": ["train"], "repaint": 1.5}}, r"repaint must be in 0\.\.1, got 1\.5"),
        ({"evaluation": {"root": "heldout", "views": -1}}, "views must be at least 0"),
        ({"evaluation": {"sets": []}}, r"evaluation\.sets is empty"),
        ({"evaluation": {"sets": [{"format": "x"}]}}, r"evaluation\.sets\[0\]\.format: 'x' is not one of"),
        ({"evaluation": {"sets": [{"format": "scenes", "root": "train"}]}}, "train is both in data and"),
        ({"seed": -1}, r"seed must be in 0\.\."),
        ({"seed": 10**30}, r"seed must be in 0\.\."),
        ({"evaluation": {"root": "heldout", "seed": -1}}, "seed must be at least 0"),
        ({"optimizer": {"warmup_steps": 0}}, "warmup_steps must be at least 1"),
        ({"optimizer": {"learning_rate": -1.0}}, "learning_rate must be at least 0"),
        ({"data": {"roots": ["nothing"]}}, "scenes render 6000 nothing$"),
        ({"evaluation": {"root": "nothing"}}, "scenes render 400 nothing --validation"),
        ({"evaluation": {"root": "./train"}}, "train is both in data and evaluation"),
    ],
)
def test_settings_that_cannot_work_are_named(tmp_path, monkeypatch, changes, message):
    monkeypatch.chdir(tmp_path)
    assert load_settings(written(tmp_path)).steps == 3
    with pytest.raises(ConfigError, match=message):
        load_settings(written(tmp_path, **changes))


def test_former_names_of_losses_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    former = {"named": 2.0, "absent": 3.0, "missing": 4.0, "choice": 5.0}
    loss = load_settings(written(tmp_path, loss=former)).loss
    weights = loss.phrase_membership, loss.noun_absence, loss.negative_instruction, loss.selection
    assert weights == tuple(former.values())


def test_former_names_of_model_settings_are_read(tmp_path):
    file = tmp_path / "model.yaml"
    current = share("config", "models", "compact.yaml").read_text()
    former = current.replace("inference_mode:", "behaviour:").replace("nms_iou_threshold:", "duplicate_iou:")
    file.write_text(former.replace("selection_score_gain:", "choice_gain:"))
    assert "behaviour: paper" in file.read_text()
    tokenizer = build_tokenizer(["red mug"])
    assert compact_config(str(file), tokenizer) == compact_config("compact", tokenizer)


def test_a_folder_without_views_is_named_at_the_start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match="no rendered views in empty"):
        load_settings(written(tmp_path, evaluation={"root": "empty"}))


def test_a_rate_may_be_written_as_yaml_does_not_know_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path)
    file.write_text(file.read_text() + "optimizer: {learning_rate: 5e-4}\n")
    assert load_settings(file).optimizer.learning_rate == 5e-4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: \xff", "is no model file"),
        (b"- a list", "must be a mapping"),
        (b"", "language must hold the settings"),
        (b"language: 3", "language must hold the settings"),
        (b"language: {hidden_size: 8}", "missing setting sam, vision"),
    ],
)
def test_a_malformed_model_file_is_named(tmp_path, content, message):
    file = tmp_path / "model.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        compact_config(str(file), build_tokenizer(["red mug"]))


def test_a_model_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match="'nope' is no model file"):
        compact_config("nope", None)


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        ("owner/name", "hf download owner/name --local-dir weights/name.*set model: weights/name"),
        ("/no/folder/here", "there is no folder /no/folder/here; give the path of a folder"),
    ],
)
def test_a_model_that_is_not_here_yet_says_how_to_get_it(tmp_path, model, hint):
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(INSTRUCTSAM | {"model": model}))
    with pytest.raises(ConfigError, match=hint):
        load_settings(file)
    file.write_text(yaml.safe_dump(INSTRUCTSAM | {"model": str(tmp_path)}))
    assert load_settings(file).model == str(tmp_path)


def test_a_training_file_is_checked_without_torch(tmp_path):
    file = written(tmp_path, stepz=1)
    program = (
        "import sys; from instructsam_ros.cli import main; "
        f"assert main(['train', {str(file)!r}]) == 2; assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "unknown setting stepz" in done.stderr
