"""Rendered views agree with what is known about them. Classic GL, small images."""

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

import numpy as np
import pytest

from instructsam_ros.cli import main
from instructsam_ros.errors import ConfigError, InstructSamError, InvalidInputError
from instructsam_ros.scenes.dataset import View, iter_views, load_view, save_view, view_paths
from instructsam_ros.scenes.render_dataset import LARGEST, RenderJob, _in_processes, render_dataset

pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)

from instructsam_ros.scenes.rendering import render as rendering
from instructsam_ros.scenes.rendering.render import choose_renderer, filament_failure, render_scene
from instructsam_ros.scenes.sampling.scene import sample_scene
from instructsam_ros.scenes.sampling.splits import SEEDS_PER_SPLIT

WIDTH, HEIGHT = 128, 96


def render(seed: int, *, sensor_noise: bool = False) -> list[View]:
    return render_scene(
        sample_scene(seed, 2), WIDTH, HEIGHT, choose_renderer("classic"), sensor_noise=sensor_noise
    )


@pytest.fixture(scope="module")
def views() -> list[View]:
    return render(3)


def test_images_have_the_documented_types(views: list[View]) -> None:
    assert len(views) == 2
    for view in views:
        assert (view.rgb.shape, view.rgb.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
        assert (view.ids.shape, view.ids.dtype) == ((HEIGHT, WIDTH), np.uint8)
        assert (view.depth.shape, view.depth.dtype) == ((HEIGHT, WIDTH), np.float32)
        assert view.rgb.std() > 5


def test_ids_match_the_annotations(views: list[View]) -> None:
    for view in views:
        known = {o["id"]: o for o in view.meta["objects"]}
        assert {int(i) for i in np.unique(view.ids) if 0 < i < 200} == {
            i for i, o in known.items() if o["pixels"]
        }
        for number, entry in known.items():
            rows, columns = np.nonzero(view.ids == number)
            assert len(rows) == entry["pixels"] <= entry["pixels_full"] or not len(rows)
            if len(rows):
                box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                assert box == entry["bbox"]
                at_border = box[0] == 0 or box[1] == 0 or box[2] == WIDTH or box[3] == HEIGHT
                assert entry["truncated"] or not at_border


def test_depth_and_camera_place_objects_where_they_are(views: list[View]) -> None:
    checked = 0
    for view in views:
        camera = view.meta["K"]
        for entry in view.meta["objects"]:
            if entry["visible"] < 0.95 or entry["truncated"] or entry["pixels"] < 30:
                continue
            x, y, z = entry["pos_cam"]
            u, v = camera["fx"] * x / z + camera["cx"], camera["fy"] * y / z + camera["cy"]
            x0, y0, x1, y1 = entry["bbox"]
            assert x0 - 2 <= u <= x1 + 2
            assert y0 - 2 <= v <= y1 + 2
            seen = np.median(view.depth[view.ids == entry["id"]])
            assert abs(seen - z) < max(entry["extent"])
            world = np.asarray(view.meta["R_world_cam"]) @ entry["pos_cam"] + view.meta["cam_pos"]
            np.testing.assert_allclose(world, entry["pos_world"], atol=1e-3)
            checked += 1
    assert checked > 2


def test_the_same_seed_gives_the_same_pixels(views: list[View]) -> None:
    again = render(3)
    for first, second in zip(views, again, strict=True):
        assert np.array_equal(first.rgb, second.rgb)
        assert np.array_equal(first.ids, second.ids)
        assert np.array_equal(first.depth, second.depth)
        assert first.meta == second.meta
    assert not np.array_equal(views[0].rgb, render(4)[0].rgb)


def test_sensor_noise_grows_with_distance_and_leaves_holes(views: list[View]) -> None:
    noisy = render(3, sensor_noise=True)
    for exact, measured in zip(views, noisy, strict=True):
        valid = measured.depth > 0
        assert 0.5 < valid.mean() < 1
        error = np.abs(measured.depth - exact.depth)[valid]
        assert 0 < np.median(error) < 0.01
        near = exact.depth[valid] < np.median(exact.depth[valid])
        assert error[near].mean() < error[~near].mean()


def test_exact_depth_has_no_measurement_where_there_is_nothing(views: list[View]) -> None:
    scene = sample_scene(12545)  # looks past the wall
    renderer = choose_renderer("classic")
    (exact,) = render_scene(scene, WIDTH, HEIGHT, renderer, sensor_noise=False)
    assert 0 < (exact.depth == 0).mean() < 0.1
    assert exact.depth.max() < 7
    assert all((view.depth > 0).all() for view in views)


@pytest.mark.parametrize("kind", ["hand", "gripper"])
def test_occluders_hide_what_they_are_in_front_of(kind: str) -> None:
    scene = next(s for s in map(sample_scene, range(100)) if [o for o in s.occluders if o.kind == kind])
    (view,) = render_scene(scene, WIDTH, HEIGHT, choose_renderer("classic"), sensor_noise=False)
    assert set(view.meta["occluders"]) == {kind}
    seen = {int(number) for number in np.unique(view.ids) if number >= 200}
    assert seen
    assert seen <= {200 + number for number in range(len(view.meta["occluders"]))}
    bare = dataclasses.replace(scene, occluders=[])
    (open_view,) = render_scene(bare, WIDTH, HEIGHT, choose_renderer("classic"), sensor_noise=False)
    assert open_view.ids.max() < 200
    covered = view.ids >= 200
    assert np.array_equal(view.ids[~covered], open_view.ids[~covered])
    assert (view.depth[covered] < open_view.depth[covered] + 1e-3).all()


def test_views_survive_the_disk(views: list[View], tmp_path: Path) -> None:
    save_view(views[0], tmp_path / "000000")
    loaded = load_view(tmp_path / "000000.jpg")
    assert np.array_equal(loaded.ids, views[0].ids)
    np.testing.assert_allclose(loaded.depth, views[0].depth, atol=0.00051)
    assert np.abs(loaded.rgb.astype(int) - views[0].rgb).mean() < 6
    assert loaded.meta == views[0].meta
    assert not load_view(tmp_path / "000000.jpg", depth=False).depth.any()


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
from instructsam_ros.scenes.render_dataset import Production, _in_processes

if __name__ == "__main__":
    job = Production(400, Path({str(tmp_path)!r}), width=64, height=48, renderer="classic")
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


def test_command_line_renders_and_previews(tmp_path: Path) -> None:
    options = ["--width", "64", "--height", "48", "--renderer", "classic", "--heldout", "--seed", "7"]
    assert main(["scenes", "render", "2", str(tmp_path / "data"), *options]) == 0
    meta = json.loads((tmp_path / "data/shard-0000/000000.json").read_text())
    assert meta["held_out"]
    assert meta["renderer"] == "classic"
    sheet = tmp_path / "sheet.png"
    assert main(["scenes", "preview", str(sheet), "--data", str(tmp_path / "data"), "--count", "2"]) == 0
    assert sheet.stat().st_size > 1000


def test_bad_requests_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="instructsam scenes render"):
        view_paths(tmp_path)
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


def test_an_incomplete_view_says_what_to_do(views: list[View], tmp_path: Path) -> None:
    save_view(views[0], tmp_path / "000000")
    meta = tmp_path / "000000.json"
    meta.write_text(meta.read_text()[:100])
    with pytest.raises(InvalidInputError, match="render it again"):
        load_view(tmp_path / "000000.jpg")
    meta.unlink()
    with pytest.raises(InvalidInputError, match="render it again"):
        load_view(tmp_path / "000000.jpg")


@pytest.mark.parametrize(
    "options",
    [
        ["preview", "sheet.png", "--seed", "-1"],
        ["preview", "sheet.png", "--seed", "-1", "--data", "data"],
        ["testset", "set", "--seed", "-1"],
        ["testset", "set", "--count", "0"],
        ["testset", "set", "--count", "-2"],
        ["preview", "sheet.gif"],
    ],
)
def test_bad_options_are_refused_before_anything_is_rendered(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, views: list[View]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    save_view(views[0], tmp_path / "data" / "000000")
    monkeypatch.setattr(rendering, "choose_renderer", lambda name: pytest.fail("renders"))
    assert main(["scenes", *options]) == 2
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("platform", ["foo", "osmesa"])
def test_a_machine_without_the_chosen_opengl_says_what_to_install(platform: str, tmp_path: Path) -> None:
    code = "import sys; from instructsam_ros.cli import main; sys.exit(main(sys.argv[1:]))"
    if platform == "osmesa":  # as where its library is not installed
        code = "import ctypes.util; ctypes.util.find_library = lambda name: None; " + code
    command = [sys.executable, "-c", code, "scenes", "render", "1", str(tmp_path / "data")]
    here = os.environ | {"MUJOCO_GL": platform, "PYTHONPATH": os.pathsep.join(sys.path)}
    here.pop("PYOPENGL_PLATFORM", None)  # that of this process
    done = subprocess.run(command, env=here, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"MUJOCO_GL={platform}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_without_vulkan_the_classic_renderer_is_chosen_and_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("VK_DRIVER_FILES", "/nowhere")
    monkeypatch.setenv("VK_ICD_FILENAMES", "/nowhere")
    filament_failure.cache_clear()
    assert choose_renderer("auto").name == "classic"
    assert "rendering with classic GL" in caplog.text
    with pytest.raises(ConfigError, match="mesa-vulkan-drivers"):
        choose_renderer("filament")
    filament_failure.cache_clear()
