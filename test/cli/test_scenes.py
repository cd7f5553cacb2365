"""``instructsam scenes``: the split, and options out of range."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from instructsam_ros.cli import main
from instructsam_ros.cli.scenes import add_arguments
from instructsam_ros.scenes import render_dataset as rendering
from instructsam_ros.scenes.render_dataset import RenderJob


@pytest.mark.parametrize(
    ("flags", "split"), [([], "train"), (["--validation"], "heldout"), (["--heldout"], "heldout")]
)
def test_validation_and_its_alias_choose_the_split(
    flags: list[str], split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[RenderJob] = []
    monkeypatch.setattr(rendering, "render_dataset", lambda job, processes: jobs.append(job) or job.views)
    assert main(["scenes", "render", "4", str(tmp_path), "--exact-depth", *flags]) == 0
    assert jobs == [RenderJob(4, tmp_path, split=split, sensor_noise=False)]


def test_the_test_set_has_no_other_split() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["testset", "out", "--validation"])
