"""Stages: settings of their own over those of the file, each from the weights of the one before."""

import shutil
from pathlib import Path

import pytest
import torch
import yaml

from instructsam_ros.cli import main
from instructsam_ros.errors import ConfigError
from instructsam_ros.training import checkpoint
from instructsam_ros.training.stages import load_stages, open_stages, read_stages

FILE = {
    "model": "compact",
    "backbone": "features.pth",
    "out": "runs/x",
    "steps": 10,
    "data": {"roots": ["views"], "images": 3, "jitter": 0.5},
    "evaluation": {"sets": [{"format": "scenes", "root": "validation"}]},
    "optimizer": {"learning_rate": 1e-3, "final": 0.1},
    "stages": [
        {"name": "small", "steps": 4, "data": {"images": 5}},
        {"name": "large", "optimizer": {"learning_rate": 2e-4}},
    ],
}


def written(folder: Path, **changes: object) -> Path:
    path = folder / "train.yaml"
    path.write_text(yaml.safe_dump({**FILE, **changes}))
    return path


def test_a_stage_changes_what_it_names(tmp_path):
    small, large = read_stages(written(tmp_path), ["seed=7"])
    assert (small.steps, large.steps) == (4, 10)
    assert (small.data.images, small.data.jitter, large.data.images) == (5, 0.5, 3)
    assert (large.optimizer.learning_rate, large.optimizer.final) == (2e-4, 0.1)
    assert small.seed == large.seed == 7
    assert (small.out, small.backbone, small.init) == ("runs/x/small", "features.pth", "")
    assert (large.out, large.backbone, large.init) == ("runs/x/large", "", "runs/x/small")


def test_a_file_without_stages_is_one_run(tmp_path):
    values = {key: value for key, value in FILE.items() if key != "stages"}
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(values))
    assert [each.out for each in read_stages(path)] == ["runs/x"]


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "expected a list of stages"),
        ({"name": "a"}, "expected a list of stages"),
        ([{"steps": 3}], "every stage needs a name"),
        ([{"name": "../a"}], "every stage needs a name"),
        ([{"name": "a"}, {"name": "a"}], "every stage needs a name of its own"),
        ([{"name": "a", "init": "runs/y"}], r"stages\.a: init is of the whole file"),
        ([{"name": "a", "stepz": 3}], r"stages\.a: unknown setting stepz"),
    ],
)
def test_what_is_no_stage_is_named(tmp_path, stages, message):
    with pytest.raises(ConfigError, match=message):
        read_stages(written(tmp_path, stages=stages))


def test_the_other_objective_has_no_stages(tmp_path):
    with pytest.raises(ConfigError, match="only objective: compact has stages"):
        read_stages(written(tmp_path, objective="instructsam"))


def test_missing_views_are_found_before_the_first_stage(tmp_path):
    with pytest.raises(ConfigError, match="no folder views"):
        load_stages(written(tmp_path))


def test_a_run_goes_on_at_the_last_stage_that_has_begun(tmp_path):
    stages = read_stages(written(tmp_path, stages=[{"name": name} for name in "abc"]))
    for begun, left in (("", "abc"), ("a", "abc"), ("ab", "bc"), ("abc", "c")):
        named = open_stages(stages, [Path(each.out).name in begun for each in stages])
        assert [Path(each.out).name for each in named] == list(left)


def test_a_stage_starts_from_the_weights_of_the_one_before(
    small_model_file, scene_root, published_backbone, tmp_path
):
    views = [{"format": "scenes", "root": str(scene_root), "views": 1, "instructions": 1}]
    path = written(
        tmp_path,
        model=str(small_model_file),
        backbone=str(published_backbone),
        out=str(tmp_path / "run"),
        steps=1,
        threads=1,
        workers=0,
        image_only_steps=1,
        data={"roots": [str(tmp_path / "views")], "images": 1, "instructions": 1},
        evaluation={"sets": views},
        stages=[{"name": "first"}, {"name": "second", "optimizer": {"learning_rate": 0.0}}],
    )
    shutil.copytree(scene_root, tmp_path / "views")
    assert main(["train", str(path)]) == 0
    first, second = (checkpoint.load(tmp_path / "run" / name) for name in ("first", "second"))
    assert first is not None
    assert second is not None
    for name, value in first["average"].items():
        assert torch.equal(second["model"][name], value), name
    assert main(["train", str(path), "--export", str(tmp_path / "model")]) == 0
    assert (tmp_path / "model/model.safetensors").exists()
