"""Rendering of datasets: shards, resuming, locks, worker processes."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from instructsam_ros.errors import ConfigError, InstructSamError
from instructsam_ros.scenes.dataset import View, iter_views, view_paths
from instructsam_ros.scenes.render_dataset import JOB_FILE, LARGEST, RenderJob, _in_processes, render_dataset

pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)

from instructsam_ros.scenes.rendering import render as rendering
from instructsam_ros.scenes.sampling.splits import SEEDS_PER_SPLIT
from test.scenes.assets.small_assets import write_assets


def test_a_killed_run_continues_and_equals_an_uninterrupted_one(
    tmp_path: Path,
) -> None:
    def job(folder: str) -> RenderJob:
        return RenderJob(3, tmp_path / folder, width=64, height=48, renderer="classic", shard_views=2)

    assert render_dataset(job("whole")) == 3
    assert render_dataset(job("resumed")) == 3
    (tmp_path / "resumed" / "shard-0001").rename(tmp_path / "resumed" / ".shard-0001.partial")
    assert render_dataset(job("resumed")) == 1
    assert render_dataset(job("resumed")) == 0
    names = [path.name for path in view_paths(tmp_path / "whole")]
    assert names == ["000000.jpg", "000001.jpg", "000002.jpg"]
    for first, second in zip(iter_views(tmp_path / "whole"), iter_views(tmp_path / "resumed"), strict=True):
        assert np.array_equal(first.rgb, second.rgb)
        assert np.array_equal(first.depth, second.depth)
        assert first.meta == second.meta


def test_several_processes_render_the_same_as_one(tmp_path: Path) -> None:
    def job(folder: str, shard_views: int) -> RenderJob:
        return RenderJob(
            3,
            tmp_path / folder,
            width=64,
            height=48,
            renderer="classic",
            views_per_scene=1,
            shard_views=shard_views,
        )

    one, several = job("one", 3), job("several", 1)
    stale = several.partial(1)
    stale.mkdir(parents=True)
    (stale / "000001.json").write_text("of a killed run")
    assert render_dataset(one) == render_dataset(several, processes=2) == 3
    assert sorted(path.name for path in several.out.glob("*shard-*")) == [f"shard-000{i}" for i in range(3)]
    for first, second in zip(iter_views(one.out), iter_views(several.out), strict=True):
        assert np.array_equal(first.rgb, second.rgb)


def small(out: Path, **options: object) -> RenderJob:
    job = RenderJob(2, out, width=64, height=48, renderer="classic")
    return dataclasses.replace(job, **options)  # type: ignore[arg-type]


def test_only_one_run_writes_to_a_folder(tmp_path: Path) -> None:
    with (tmp_path / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="another render is writing to"):
            render_dataset(small(tmp_path))
    assert render_dataset(small(tmp_path)) == 2


def test_a_shard_that_lost_views_is_not_reported_as_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = small(tmp_path, views_per_scene=1)
    real = rendering.render_scene

    def deleting(*args: Any, **options: Any) -> list[View]:
        for path in tmp_path.glob(".shard-*/*.json"):
            path.unlink()
        return real(*args, **options)

    monkeypatch.setattr(rendering, "render_scene", deleting)
    with pytest.raises(InstructSamError, match="run again"):
        render_dataset(job)
    assert not job.folder(0).exists()


def test_a_killed_renderer_is_reported_and_ends_the_others(tmp_path: Path) -> None:
    job = small(tmp_path, views=400)

    def kill_one() -> None:
        for _ in _in_processes(job, [0, 1], 2):
            for worker in multiprocessing.active_children()[:1]:
                worker.kill()

    with pytest.raises(InstructSamError, match="a renderer was killed"):
        kill_one()
    assert not multiprocessing.active_children()
    assert not list(tmp_path.glob("shard-*"))


def test_renderers_end_with_the_run_that_started_them(tmp_path: Path) -> None:
    script = f"""
import multiprocessing, os, signal
from pathlib import Path
from instructsam_ros.scenes.render_dataset import RenderJob, _in_processes

if __name__ == "__main__":
    job = RenderJob(400, Path({str(tmp_path)!r}), width=64, height=48, renderer="classic")
    for _ in _in_processes(job, [0, 1], 2):
        if len(multiprocessing.active_children()) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
"""
    path = tmp_path / "script.py"
    path.write_text(script)
    root = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    # The renderers hold the pipe open, so this returns when they have ended, too.
    done = subprocess.run([sys.executable, path], env=root, capture_output=True, timeout=600)
    assert done.returncode < 0
    assert not list(tmp_path.glob("shard-*"))


def test_a_folder_records_the_renderer_that_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rendering, "filament_failure", lambda: "no Vulkan")
    job = small(tmp_path, renderer="auto", views=4, shard_views=2)
    assert render_dataset(job) == 4
    assert capsys.readouterr().out.count("renderer: classic") == 1
    recipe = json.loads((tmp_path / "job.json").read_text())
    assert recipe["renderer"] == "classic"
    monkeypatch.setattr(rendering, "filament_failure", lambda: "")
    with pytest.raises(ConfigError, match="renderer 'classic', not 'filament'"):
        render_dataset(job)
    (tmp_path / "job.json").write_text(json.dumps(recipe | {"renderer": "auto"}))  # of an older version
    assert render_dataset(dataclasses.replace(job, renderer="classic")) == 0
    with pytest.raises(ConfigError, match="renderer 'classic', not 'filament'"):
        render_dataset(job)


def test_a_foreign_job_file_is_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "job.json"
    foreign.write_text('{"command": "backup"}')
    with pytest.raises(ConfigError, match="render into another folder"):
        render_dataset(small(tmp_path))
    assert foreign.read_text() == '{"command": "backup"}'


def test_a_folder_keeps_to_one_job(tmp_path: Path) -> None:
    job = RenderJob(2, tmp_path / "data", width=64, height=48, renderer="classic")
    assert render_dataset(job) == 2
    assert render_dataset(dataclasses.replace(job, views=1)) == 0
    with pytest.raises(ConfigError, match="split 'train', not 'heldout'"):
        render_dataset(dataclasses.replace(job, split="heldout"))
    with pytest.raises(ConfigError, match="seed 0, not 3"):
        render_dataset(dataclasses.replace(job, seed=3))
    (job.out / "job.json").write_text("[]")
    with pytest.raises(ConfigError, match=r"no readable job\.json"):
        render_dataset(job)


def test_bad_requests_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must divide"):
        RenderJob(4, tmp_path, views_per_scene=3)
    with pytest.raises(ConfigError, match="at least 1 view"):
        RenderJob(0, tmp_path)
    with pytest.raises(ConfigError, match="seeds of a split"):
        RenderJob(1, tmp_path, seed=-1)
    with pytest.raises(ConfigError, match="seeds of a split"):
        RenderJob(4, tmp_path, seed=SEEDS_PER_SPLIT - 1)
    with pytest.raises(ConfigError, match=f"at most {LARGEST}"):
        RenderJob(1, tmp_path, width=40000)
    with pytest.raises(ConfigError, match="processes"):
        render_dataset(small(tmp_path), processes=-3)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is not a folder"):
        render_dataset(small(tmp_path / "file"))
    with pytest.raises(ConfigError, match="seeds of a split"):
        rendering.render_seeds("train", SEEDS_PER_SPLIT - 1, 2)


def test_a_job_records_its_extra_categories(tmp_path: Path) -> None:
    job = small(tmp_path, extra=("rolling pin",))
    render_dataset(job)
    views = list(iter_views(tmp_path, depth=False))
    assert all("rolling pin" in [item["category"] for item in view.meta["objects"]] for view in views)
    assert {view.meta["view"] for view in views} == {"ego"}
    with pytest.raises(ConfigError, match="extra"):
        render_dataset(small(tmp_path))
    with pytest.raises(ConfigError, match="no extra category 'mug'"):
        small(tmp_path, extra=("mug",))


def test_a_folder_of_an_older_version_can_be_continued(tmp_path: Path) -> None:
    render_dataset(small(tmp_path))
    recorded = json.loads((tmp_path / JOB_FILE).read_text())
    del recorded["extra"]
    (tmp_path / JOB_FILE).write_text(json.dumps(recorded))
    assert render_dataset(small(tmp_path)) == 0


def test_meshes_and_pictures_are_part_of_the_recipe_and_of_every_view(tmp_path: Path) -> None:
    assets, pictures = write_assets(tmp_path / "meshes"), tmp_path / "pictures"
    pictures.mkdir()
    cv2.imwrite(str(pictures / "room.png"), np.full((12, 16, 3), 120, np.uint8))
    job = small(tmp_path / "out", assets=assets, backgrounds=pictures)
    assert job.has_camera_noise
    assert render_dataset(job) == 2
    recipe = json.loads((job.out / JOB_FILE).read_text())
    assert (recipe["assets"], recipe["backgrounds"]) == (str(assets), str(pictures))
    for view in iter_views(job.out):
        assert "gear wheel" in view.meta["lexicon"]["nouns"]
    with pytest.raises(ConfigError, match="another job"):
        render_dataset(dataclasses.replace(job, camera_noise=False))
    with pytest.raises(ConfigError, match="there is no folder"):
        small(tmp_path / "none", assets=tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="extra categories go without"):
        small(tmp_path / "none", assets=assets, extra=("rolling pin",))
